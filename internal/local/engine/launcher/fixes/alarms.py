"""An alarm watches one metric, dimensions included, in periods, treats missing data as told, and is evaluated unasked.

Amazon CloudWatch User Guide, "Alarm evaluation" and "Configuring how CloudWatch alarms treat missing data": an alarm goes
to ALARM when DatapointsToAlarm of the last EvaluationPeriods data points breach, where a period without data is
breaching, notBreaching, ignored (keep the state) or missing (INSUFFICIENT_DATA if there is nothing else). The stock
engine mixes all dimensions of a metric, takes all periods as one, ignores TreatMissingData, and looks only when someone
puts a metric.

Periods here end now instead of at the full minute, so that an alarm need not wait for it. ALARM_TICK is the number of
seconds between evaluations (AWS: a minute).
"""
import os
import threading
import time
import traceback

from ministack.services import cloudwatch

COMPARISONS = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}

evaluation = threading.Lock()  # requests and the tick evaluate; a transition must act once


def verdicts(alarm, now):
    """For each of the last EvaluationPeriods periods, newest first: does it breach? None without data."""
    dimensions = cloudwatch._dims_from_list(alarm.get("Dimensions") or [])
    points = cloudwatch._metrics.get(
        (alarm["Namespace"], alarm["MetricName"], cloudwatch._dims_key(dimensions))) or []
    period, count = int(alarm["Period"]), int(alarm["EvaluationPeriods"])
    periods = [[] for _ in range(count)]
    for point in list(points):
        index = int(max(0, now - point["Timestamp"]) // period)
        if index < count:
            periods[index].append(point)
    return [breaches(alarm, points) if points else None for points in periods]


def breaches(alarm, points):
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
    value = cloudwatch._stat_value(cloudwatch._calc_stats(points), statistic, points)
    return COMPARISONS[alarm["ComparisonOperator"]](value, float(alarm["Threshold"]))


def state(alarm, breaching):
    """The state that the verdicts of the periods call for."""
    treatment = alarm.get("TreatMissingData") or "missing"
    filled = {"breaching": True, "notBreaching": False}.get(treatment)
    known = [filled if breach is None else breach for breach in breaching]
    known = [breach for breach in known if breach is not None]
    needed = int(alarm.get("DatapointsToAlarm") or len(breaching))
    if treatment == "ignore":
        if sum(known) >= needed:
            return "ALARM"
        healthy = len(known) - sum(known)
        return "OK" if healthy > len(breaching) - needed else alarm["StateValue"]
    if not known:
        return "INSUFFICIENT_DATA"
    return "ALARM" if sum(known) >= min(needed, len(known)) else "OK"


def evaluate(alarm):
    if not alarm.get("Namespace") or not alarm.get("MetricName"):
        return
    with evaluation:
        breaching = verdicts(alarm, time.time())
        old, new = alarm["StateValue"], state(alarm, breaching)
        if new == old:
            return
        reason = (f"{breaching.count(True)} of {len(breaching)} datapoints breached the threshold "
                  f"({alarm.get('ComparisonOperator')} {alarm.get('Threshold')}), {breaching.count(None)} were missing")
        alarm.update(StateValue=new, StateReason=reason, StateUpdatedTimestamp=int(time.time()))
    cloudwatch._record_history(alarm["AlarmName"], old, new, reason)
    cloudwatch._dispatch_alarm_actions(alarm, old, new, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def tick(seconds):
    while True:
        time.sleep(seconds)
        for alarm in list(cloudwatch._alarms.values()):
            try:
                evaluate(alarm)
            except Exception:  # one unusable alarm must not silence the others
                traceback.print_exc()


def apply():
    cloudwatch._evaluate_alarm = evaluate
    seconds = float(os.environ.get("ALARM_TICK", "2"))
    threading.Thread(target=tick, args=(seconds,), daemon=True, name="alarms").start()
