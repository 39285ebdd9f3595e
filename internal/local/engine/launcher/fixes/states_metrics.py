"""Each change of an execution's status is counted in AWS/States, by state machine.

AWS Step Functions Developer Guide, "Monitoring Step Functions metrics using Amazon CloudWatch": ExecutionsStarted,
ExecutionsSucceeded, ExecutionsFailed, ExecutionsTimedOut, ExecutionsAborted, dimension StateMachineArn. The stock engine
publishes none of them, and an alarm on them could never fire.
"""
from ministack.services import cloudwatch, stepfunctions

METRICS = {
    "RUNNING": "ExecutionsStarted",
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
}


def counted(stock):
    def emit(execution):
        stock(execution)
        cloudwatch.record_metric(
            "AWS/States", METRICS[execution["status"]], 1, "Count", {"StateMachineArn": execution["stateMachineArn"]})

    return emit


def apply():
    stepfunctions._emit_execution_status_event = counted(stepfunctions._emit_execution_status_event)
