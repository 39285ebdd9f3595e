"""Tell whoever stands between functions and the Lambda Runtime API which attempt of which state is under way.

Step Functions hands X-Ray's tracing header on to the functions that it calls, and the header may carry more than X-Ray's
own fields (AWS X-Ray Developer Guide, "Tracing header"): here the execution, the state and the number of the attempt.
What Step Functions calls itself passes no function: there the engine asks for its own health by the same way, before and
after, and another answer than 200 is the error of the attempt.
"""
import contextvars
import json
import os
import urllib.error
import urllib.parse
import urllib.request

HEADER = "Lambda-Runtime-Trace-Id"

entered = contextvars.ContextVar("entered", default=None)


def attempt():
    """The attempt in whose name this thread works, as fields of the header."""
    if entered.get() is None:
        return ""
    execution, context = entered.get()
    state = context["State"]
    return f"Execution={execution['executionArn']};State={urllib.parse.quote(state['Name'])};Attempt={state['RetryCount']}"


def entering(stock):
    def execute(definition, data, execution, context):
        before = entered.set((execution, context))
        try:
            return stock(definition, data, execution, context)
        finally:
            entered.reset(before)

    return execute


def traced(stock):
    def header(*args, **named):
        return ";".join(filter(None, [stock(*args, **named), attempt()])) or None

    return header


def announced(stock, address, failure):
    def ask(when):
        url = f"http://{address}/{os.environ['GATEWAY_PORT']}/_ministack/health?{when}"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers={HEADER: attempt()})):
                pass
        except urllib.error.HTTPError as refusal:
            error = json.load(refusal)
            raise failure(error["errorType"], error["errorMessage"]) from None

    def call(resource, data):
        ask("before")
        result = stock(resource, data)
        ask("after")
        return result

    return call


def tell(address):
    from ministack.services import lambda_svc, stepfunctions

    stepfunctions._execute_task = entering(stepfunctions._execute_task)
    lambda_svc._xray_trace_id_for_invocation = traced(lambda_svc._xray_trace_id_for_invocation)
    stepfunctions._invoke_aws_sdk_integration = announced(
        stepfunctions._invoke_aws_sdk_integration, address, stepfunctions._ExecutionError)
