"""A bucket made by CloudFormation has the Object Lock, lifecycle and encryption its template asks for.

AWS CloudFormation Template Reference, "AWS::S3::Bucket": ObjectLockEnabled, ObjectLockConfiguration,
LifecycleConfiguration, BucketEncryption. The stock engine reads past all four. A property that is not passed on here
fails the stack: silence is what this fix is against.
"""
from xml.etree.ElementTree import Element, SubElement, tostring

from ministack.services import s3
from ministack.services.cloudformation import provisioners

SAME = {name: name for name in ("NoncurrentDays", "NewerNoncurrentVersions", "DaysAfterInitiation", "StorageClass")}


def add(parent, tag, properties, names):
    """Append <tag> with one child per property, renamed as names says."""
    element = SubElement(parent, tag)
    if left := set(properties) - set(names):
        raise unknown(tag, left)
    for name, value in properties.items():
        SubElement(element, names[name]).text = text(value)
    return element


def unknown(place, names):
    return ValueError(f"AWS::S3::Bucket: the local engine does not know {', '.join(sorted(names))} in {place}")


def text(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


def lock_xml(config):
    root = Element("ObjectLockConfiguration")
    SubElement(root, "ObjectLockEnabled").text = "Enabled"
    if retention := (config.get("Rule") or {}).get("DefaultRetention"):
        add(SubElement(root, "Rule"), "DefaultRetention", retention, {"Mode": "Mode", "Days": "Days", "Years": "Years"})
    return tostring(root)


def encryption_xml(config):
    root = Element("ServerSideEncryptionConfiguration")
    for rule in config["ServerSideEncryptionConfiguration"]:
        element = SubElement(root, "Rule")
        add(element, "ApplyServerSideEncryptionByDefault", rule["ServerSideEncryptionByDefault"],
            {"SSEAlgorithm": "SSEAlgorithm", "KMSMasterKeyID": "KMSMasterKeyID"})
        SubElement(element, "BucketKeyEnabled").text = text(rule.get("BucketKeyEnabled", False))
    return tostring(root)


def lifecycle_xml(config):
    root = Element("LifecycleConfiguration")
    for rule in config["Rules"]:
        rule = dict(rule)
        element = SubElement(root, "Rule")
        if "Id" in rule:
            SubElement(element, "ID").text = rule.pop("Id")
        SubElement(SubElement(element, "Filter"), "Prefix").text = rule.pop("Prefix", "")
        SubElement(element, "Status").text = rule.pop("Status")
        for transition in rule.pop("Transitions", []):
            add(element, "Transition", transition, {**SAME, "TransitionInDays": "Days"})
        for transition in rule.pop("NoncurrentVersionTransitions", []):
            add(element, "NoncurrentVersionTransition", transition, {**SAME, "TransitionInDays": "NoncurrentDays"})
        expiration = {name: rule.pop(name) for name in ("ExpirationInDays", "ExpiredObjectDeleteMarker") if name in rule}
        if expiration:
            add(element, "Expiration", expiration,
                {"ExpirationInDays": "Days", "ExpiredObjectDeleteMarker": "ExpiredObjectDeleteMarker"})
        for name in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
            if name in rule:
                add(element, name, rule.pop(name), SAME)
        if rule:
            raise unknown("a lifecycle rule", rule)
    return tostring(root)


def accepted(put):
    """put, but a refusal by the S3 API fails the stack."""

    def call(bucket, body):
        status, _, answer = put(bucket, body)[:3]
        if status >= 400:
            raise ValueError(f"AWS::S3::Bucket {bucket}: {answer!r}")

    return call


def with_lock(stock):
    def apply_configurations(bucket, properties, old=None):
        if text(properties.get("ObjectLockEnabled")).lower() == "true" and not s3._bucket_object_lock.get(bucket):
            s3._bucket_versioning[bucket] = "Enabled"
            s3._bucket_object_lock[bucket] = {"enabled": True, "default_retention": None}
        stock(bucket, properties, old)

    return apply_configurations


def apply():
    provisioners._s3_apply_configurations = with_lock(provisioners._s3_apply_configurations)
    provisioners._S3_BUCKET_CONFIGURATIONS += (
        # A bucket keeps its lock for life; without the property it only loses the default retention.
        ("ObjectLockConfiguration", lock_xml, accepted(s3._put_object_lock_configuration),
         lambda bucket: s3._put_object_lock_configuration(bucket, lock_xml({}))),
        ("LifecycleConfiguration", lifecycle_xml, accepted(s3._put_bucket_lifecycle), s3._delete_bucket_lifecycle),
        ("BucketEncryption", encryption_xml, accepted(s3._put_bucket_encryption), s3._delete_bucket_encryption),
    )
