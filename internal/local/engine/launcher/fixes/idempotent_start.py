"""StartExecution with the name and input of a running execution answers with that execution; its input must be JSON.

AWS Step Functions API Reference, "StartExecution": "if you call StartExecution with the same name and input as a running
execution, the call succeeds and return the same response as the original request. If the execution is closed or if the
input is different, it returns a 400 ExecutionAlreadyExists error"; and "InvalidExecutionInput: The provided JSON input
data is not valid." The stock engine refuses every second start and runs an input that is not JSON as {}.
"""
import json

from ministack.services import stepfunctions


def running_twin(request):
    """The running execution of the same machine, name and input, or None."""
    machine = stepfunctions._resolve_state_machine_arn(request.get("stateMachineArn", ""))
    if not machine or not request.get("name"):
        return None
    arn = machine.replace(":stateMachine:", ":execution:") + ":" + request["name"]
    execution = stepfunctions._executions.get(arn)
    if execution and execution["status"] == "RUNNING" and execution["input"] == request.get("input", "{}"):
        return execution
    return None


def idempotent(stock):
    def start(request):
        try:
            json.loads(request.get("input", "{}"))
        except ValueError:
            return stepfunctions.error_response_json(
                "InvalidExecutionInput", "Invalid State Machine Execution Input: it is not JSON", 400)
        if twin := running_twin(request):
            return stepfunctions.json_response(
                {"executionArn": twin["executionArn"], "startDate": twin["startDate"]})
        return stock(request)

    return start


def apply():
    stepfunctions._start_execution = idempotent(stepfunctions._start_execution)
