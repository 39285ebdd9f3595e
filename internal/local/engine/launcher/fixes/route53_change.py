"""GetChange is allowed on the change it asks for: arn:aws:route53:::change/ID.

Service Authorization Reference, "Actions, resources, and condition keys for Amazon Route 53": the resource type of
route53:GetChange is change. The stock engine asks the policy about "*", which a least-privilege role is not given.
"""
from ministack.core import iam_actions


def naming(stock):
    def extract(service, method, path, *rest, **named):
        before, change, number = path.rpartition("/change/")
        if service == "route53" and change and number:
            return f"arn:aws:route53:::change/{number}"
        return stock(service, method, path, *rest, **named)

    return extract


def apply():
    iam_actions.extract_resource_arn = naming(iam_actions.extract_resource_arn)
