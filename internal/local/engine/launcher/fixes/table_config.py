"""A table made by CloudFormation has the point-in-time recovery and time to live its template asks for.

AWS CloudFormation Template Reference, "AWS::DynamoDB::Table": PointInTimeRecoverySpecification and
TimeToLiveSpecification. The stock engine reads past both.
"""
from ministack.services import dynamodb
from ministack.services.cloudformation import provisioners


def enabled(specification, name):
    return str((specification or {}).get(name, False)).lower() == "true"


def configure(table, properties):
    recovery = properties.get("PointInTimeRecoverySpecification")
    dynamodb._update_continuous_backups({"TableName": table, "PointInTimeRecoverySpecification": {
        "PointInTimeRecoveryEnabled": enabled(recovery, "PointInTimeRecoveryEnabled")}})
    if expiry := properties.get("TimeToLiveSpecification"):
        dynamodb._update_ttl({"TableName": table, "TimeToLiveSpecification": {
            "AttributeName": expiry["AttributeName"], "Enabled": enabled(expiry, "Enabled")}})
    else:
        dynamodb._ttl_settings.pop(table, None)


def configured(stock, position):
    """stock, a create or update handler whose new properties are the argument at position."""

    def handle(*args, **kwargs):
        result = stock(*args, **kwargs)
        configure(result[0], args[position])
        return result

    return handle


def apply():
    handlers = provisioners._RESOURCE_HANDLERS["AWS::DynamoDB::Table"]
    handlers["create"] = configured(handlers["create"], 1)
    handlers["update"] = configured(handlers["update"], 2)
