"""SNS and EventBridge invoke a function only if the function's own policy admits them.

AWS Lambda Developer Guide, "Working with resource-based IAM policies in Lambda": "When you use an AWS service to invoke
your function, you grant permission in a statement on a resource-based policy"; without it SNS and EventBridge drop what
they cannot deliver (or give it to a dead-letter queue). The stock engine delivers to every function.
"""
from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
from ministack.core.responses import get_account_id, get_region
from ministack.services import eventbridge, lambda_svc, sns


def admits(function_arn, service, source_arn):
    """Whether the function's policy lets the service invoke it for the source."""
    found = lambda_svc.function_policy_for_arn(function_arn)
    if not found:
        return False
    context = EvalContext(
        principal_arn="*", principal_type="Service", principal_account="", action="lambda:InvokeFunction",
        resource_arn=function_arn, region=get_region(),
        service_context={"aws:sourcearn": source_arn, "aws:sourceaccount": get_account_id()})
    return evaluate_resource_policy(found[0], context, service=service).decision == "Allow"


def admitted_topic(stock):
    def deliver(endpoint, envelope, topic_arn, *rest):
        if admits(endpoint, "sns.amazonaws.com", topic_arn):
            stock(endpoint, envelope, topic_arn, *rest)

    return deliver


def admitted_rule(stock):
    def invoke(target, event, rule, *rest, **named):
        function = ":lambda:" in target.get("Arn", "")
        if not function or admits(target["Arn"], "events.amazonaws.com", rule.get("Arn", "")):
            stock(target, event, rule, *rest, **named)

    return invoke


def apply():
    sns._deliver_to_lambda = admitted_topic(sns._deliver_to_lambda)
    eventbridge._invoke_target = admitted_rule(eventbridge._invoke_target)
