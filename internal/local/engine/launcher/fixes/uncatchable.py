"""States.Runtime always fails the execution; States.DataLimitExceeded escapes the wildcards.

AWS Step Functions Developer Guide, "Handling errors in Step Functions workflows": States.Runtime errors "aren't
retriable, and will always cause the execution to fail"; "the States.ALL error type can't catch the
States.DataLimitExceeded terminal error and Runtime error types". The stock engine lets States.ALL and States.TaskFailed
catch both.
"""
from ministack.services import stepfunctions


def terminal(stock):
    def matches(error_equals, error):
        if error == "States.Runtime":
            return False
        if error == "States.DataLimitExceeded":
            return error in error_equals
        return stock(error_equals, error)

    return matches


def apply():
    stepfunctions._error_matches = terminal(stepfunctions._error_matches)
