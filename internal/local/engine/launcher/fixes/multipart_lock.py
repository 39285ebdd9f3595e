"""An object uploaded in parts is locked like any other: as CreateMultipartUpload asks, or by the bucket's default.

Amazon S3 API Reference, "CreateMultipartUpload": x-amz-object-lock-mode, x-amz-object-lock-retain-until-date; and Amazon
S3 User Guide, "Object Lock considerations", for the default retention. The stock engine accepts the headers and leaves
the object without a lock, so that a backup over one part's size could be deleted here and not on AWS.
"""
from ministack.services import s3


def remembering(stock):
    def create(bucket, key, headers):
        before = set(s3._multipart_uploads)
        answer = stock(bucket, key, headers)
        for upload in set(s3._multipart_uploads) - before:
            s3._multipart_uploads[upload]["lock"] = {h: headers[h] for h in s3._OBJECT_LOCK_HEADERS if h in headers}
        return answer

    return create


def locking(stock):
    def complete(bucket, key, body, query_params, headers=None):
        upload = s3._multipart_uploads.get(s3._qp(query_params, "uploadId"))
        answer = stock(bucket, key, body, query_params, headers)
        if upload and answer[0] == 200:
            s3._apply_object_lock_from_headers(bucket, key, upload.get("lock", {}), answer[1].get("x-amz-version-id"))
        return answer

    return complete


def apply():
    s3._create_multipart_upload = remembering(s3._create_multipart_upload)
    s3._complete_multipart_upload = locking(s3._complete_multipart_upload)
