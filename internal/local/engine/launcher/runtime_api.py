"""Lead functions through somebody else to the Lambda Runtime API, which the engine serves on a port for each of them.

AWS Lambda Developer Guide, "Using the Lambda runtime API": a function finds the API at the host and port in
AWS_LAMBDA_RUNTIME_API, and the path begins with the API's version. Go's runtime lets a path follow the port; here it is
the function's own port, by which whoever stands between finds the way.
"""


def lead_through(address):
    from ministack.services import lambda_svc

    stock = lambda_svc._provided_worker_env

    def environment(config, code_dir, port):
        return stock(config, code_dir, port) | {"AWS_LAMBDA_RUNTIME_API": f"{address}/{port}"}

    lambda_svc._provided_worker_env = environment
