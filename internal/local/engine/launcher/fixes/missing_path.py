"""A JSONPath that finds nothing fails the execution with States.Runtime; only IsPresent may ask for what is not there.

AWS Step Functions Developer Guide, "Handling errors in Step Functions workflows": "States.Runtime … often caused by
errors at runtime, such as attempting to apply InputPath or OutputPath on a null JSON payload", and "Choice workflow
state" for IsPresent, which is true for a field whose value is null. The stock engine reads null in all these places, and
null for a filter or a slice.
"""
import functools
import json

import jsonpath_ng.ext
from ministack.services import stepfunctions

parse = functools.lru_cache(maxsize=1024)(jsonpath_ng.ext.parse)


class PathNotFound(stepfunctions._ExecutionError):
    def __init__(self, path, data):
        document = json.dumps(data, separators=(",", ":"))
        super().__init__(
            "States.Runtime", f"The JSONPath '{path}' could not be found in the input '{document}'")


def resolve(path, data):
    """What path selects in data: one value, or a list if the path can select several."""
    if not path or path == "$" or not path.startswith("$"):
        return data
    tokens = stepfunctions._parse_jsonpath_tokens(path)
    if tokens is None or any(kind == "wildcard" for kind, _ in tokens):
        return [match.value for match in parse(path).find(data)]
    value = data
    for kind, key in tokens:
        found = (isinstance(value, dict) and key in value if kind == "field"
                 else isinstance(value, list) and key < len(value))
        if not found:
            raise PathNotFound(path, data)
        value = value[key]
    return value


def with_is_present(stock):
    def evaluate(rule, data, ctx=None):
        if "IsPresent" not in rule:
            return stock(rule, data, ctx)
        try:
            stepfunctions._resolve_path_or_ctx(rule["Variable"], data, ctx)
        except PathNotFound:
            return not rule["IsPresent"]
        return rule["IsPresent"]

    return evaluate


def apply():
    stepfunctions._resolve_path = resolve
    stepfunctions._evaluate_rule = with_is_present(stepfunctions._evaluate_rule)
