"""IAM policies hold for CloudWatch: by action, by the alarm's ARN, and by the condition key cloudwatch:namespace.

Service Authorization Reference, "Actions, resources, and condition keys for Amazon CloudWatch": PutMetricAlarm,
DeleteAlarms and DescribeAlarms are allowed on alarm ARNs (a listing on alarm:*), and cloudwatch:namespace bounds
PutMetricData. Today's SDKs speak Smithy RPC v2 CBOR, whose action stands in the path and whose fields are in a CBOR body;
the stock engine finds neither there and lets every such call through. Of several alarms in one call the first counts here.
"""
import cbor2

from ministack.core import iam_actions


def decoded(body):
    """The fields of a CBOR request, none where it is another kind of body."""
    try:
        fields = cbor2.loads(body)
    except (cbor2.CBORDecodeError, ValueError):
        return {}
    return fields if isinstance(fields, dict) else {}


def operation(service, path):
    """The action that a CBOR request's path names: /service/GraniteServiceVersion20100801/operation/PutMetricData."""
    before, marker, name = path.rpartition("/operation/")
    return name if service == "monitoring" and before.startswith("/service/") and marker else ""


def with_action(stock):
    def extract(service, method, path, *rest, **named):
        name = operation(service, path)
        return f"cloudwatch:{name}" if name else stock(service, method, path, *rest, **named)

    return extract


def with_alarm(stock):
    def extract(service, method, path, headers, body, query_params, region, account_id):
        name = operation(service, path)
        if not name:
            return stock(service, method, path, headers, body, query_params, region, account_id)
        if "Alarm" not in name:
            return "*"
        fields = decoded(body)
        alarm = fields.get("AlarmName") or next(iter(fields.get("AlarmNames") or []), "*")
        return f"arn:aws:cloudwatch:{region}:{account_id}:alarm:{alarm}"

    return extract


def with_namespace(stock):
    def context(service, iam_action, body, params):
        keys = stock(service, iam_action, body, params)
        if iam_action == "cloudwatch:PutMetricData":
            keys = {**keys, "cloudwatch:namespace": decoded(body).get("Namespace", "")}
        return keys

    return context


def apply():
    iam_actions.extract_iam_action = with_action(iam_actions.extract_iam_action)
    iam_actions.extract_resource_arn = with_alarm(iam_actions.extract_resource_arn)
    iam_actions.request_tag_context = with_namespace(iam_actions.request_tag_context)
