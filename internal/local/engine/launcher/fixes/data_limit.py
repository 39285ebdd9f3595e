"""A task, Map or Parallel whose result exceeds 256 KiB fails with States.DataLimitExceeded.

AWS Step Functions Developer Guide, "Step Functions service quotas": "Maximum input or result size for a task, state, or
execution: 256 KiB of data as a UTF-8 encoded string". The stock engine has no limit.
"""
import json

from ministack.services import stepfunctions

LIMIT = 256 * 1024  # bytes


def check(result):
    if len(json.dumps(result, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")) > LIMIT:
        raise stepfunctions._ExecutionError(
            "States.DataLimitExceeded",
            "The state/task returned a result with a size exceeding the maximum number of bytes service limit.")


def limited_task(stock):
    def invoke(resource, data):
        result = stock(resource, data)
        check(result)
        return result

    return invoke


def limited_state(stock):
    def run(*args):
        output, following = stock(*args)
        check(output)
        return output, following

    return run


def apply():
    stepfunctions._invoke_resource = limited_task(stepfunctions._invoke_resource)
    stepfunctions._run_map_items = limited_state(stepfunctions._run_map_items)
    stepfunctions._run_parallel_branches = limited_state(stepfunctions._run_parallel_branches)
