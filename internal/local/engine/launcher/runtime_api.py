"""Lead functions through somebody else to the Lambda Runtime API, which the engine serves on a port for each of them.

AWS Lambda Developer Guide, "Using the Lambda runtime API": a function finds the API at the host and port in
AWS_LAMBDA_RUNTIME_API, and the path begins with the API's version. Go's runtime lets a path follow the port; here it is
the function's own port, by which whoever stands between finds the way.

Whoever stands between may end an invocation in the function's place. When that says Sandbox.Timedout, the function's
process ends with it, as after a time-out of the engine's own ("Understanding the Lambda execution environment lifecycle":
"If the function times out, Lambda resets the environment").
"""


def lead_through(address):
    from ministack.core.lambda_runtime import ProvidedWorker
    from ministack.services import lambda_svc

    environment, invoke = lambda_svc._provided_worker_env, ProvidedWorker.invoke

    def led(config, code_dir, port):
        return environment(config, code_dir, port) | {"AWS_LAMBDA_RUNTIME_API": f"{address}/{port}"}

    def ended(worker, *args, **named):
        result = invoke(worker, *args, **named)
        failure = result.get("error_payload")
        if isinstance(failure, dict) and failure.get("errorType") == "Sandbox.Timedout":
            worker._teardown()
        return result

    lambda_svc._provided_worker_env, ProvidedWorker.invoke = led, ended
