"""TimeoutSeconds of a state machine ends the execution as TIMED_OUT, and after an end no further task is started.

AWS Step Functions Developer Guide, "State machine structure": "TimeoutSeconds (Optional): The maximum number of seconds
an execution of the state machine can run. If it runs longer than the specified time, the execution fails with a
States.Timeout error name"; DescribeExecution then says TIMED_OUT. The stock engine ignores the field, lets the branches
of an aborted execution go on, and turns its status into FAILED when one of them fails.
"""
import contextvars
import json
import threading

from ministack.services import stepfunctions


class Ended(stepfunctions._ExecutionError):
    """Unwinds the states of an execution that has ended under them."""

    def __init__(self):
        super().__init__("States.Runtime", "the execution has ended")


def running(execution):
    return execution["status"] == "RUNNING"


def expire(execution):
    if running(execution):
        execution.update(status="TIMED_OUT", error="States.Timeout", stopDate=stepfunctions.now_iso())
        stepfunctions._add_event(
            execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {"error": "States.Timeout"}})
        stepfunctions._emit_execution_status_event(execution)


def timeout_seconds(execution):
    machine = stepfunctions._state_machines.get(execution["stateMachineArn"])
    return machine and json.loads(machine["definition"]).get("TimeoutSeconds")


def with_timer(stock):
    def run(arn):
        execution = stepfunctions._executions.get(arn)
        seconds = execution and timeout_seconds(execution)
        if not seconds:
            return stock(arn)
        # The context carries the account and region that the engine's tables are looked up by.
        timer = threading.Timer(seconds, contextvars.copy_context().run, (expire, execution))
        timer.daemon = True
        timer.start()
        try:
            return stock(arn)
        finally:
            timer.cancel()

    return run


def until_the_end(stock):
    """Every task announces itself in the history first, so that is where an ended execution is held up."""

    def add_event(execution, event_type, details=None):
        if not running(execution) and not event_type.startswith("Execution"):
            raise Ended()
        return stock(execution, event_type, details)

    return add_event


def once(stock):
    def fail(execution, error, cause):
        if running(execution):
            stock(execution, error, cause)

    return fail


def apply():
    stepfunctions._add_event = until_the_end(stepfunctions._add_event)
    stepfunctions._fail_execution = once(stepfunctions._fail_execution)
    stepfunctions._run_execution = with_timer(stepfunctions._run_execution)
