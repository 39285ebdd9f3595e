// Package awsfault turns what the AWS SDK answers into the two faults a runbook knows of AWS: AWSUnavailable, where the
// same call may succeed later, and AWSRefused, where it will not.
//
// Answers that mean something to the caller (a key that does not exist yet, a condition that does not hold) are the
// caller's to recognise, before it asks here.
package awsfault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// From names the fault in err, the error of one AWS call; format and args say which call it was, for the log. A nil err
// gives nil. A fault that err already carries is kept: an upload fails with what its reader failed with. An error which
// no service sent (parameters the SDK itself refuses, for one) is a defect of this program: fault.Unexpected.
func From(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	call := fmt.Sprintf(format, args...)
	var known *fault.Error
	if errors.As(err, &known) {
		return fmt.Errorf("%s: %w", call, err)
	}
	return nameOf(err).Errorf("%s: %w", call, err)
}

func nameOf(err error) fault.Name {
	var api smithy.APIError
	answered := errors.As(err, &api)
	status := Status(err)
	switch {
	case answered && (mayPass(api.ErrorCode()) || api.ErrorFault() == smithy.FaultServer):
		return fault.AWSUnavailable
	case status >= http.StatusInternalServerError || status == http.StatusTooManyRequests:
		return fault.AWSUnavailable
	case answered || status >= http.StatusBadRequest:
		return fault.AWSRefused
	case cutOff(err) || garbled(err):
		return fault.AWSUnavailable
	}
	return fault.Unexpected
}

// mayPass reports whether a later attempt may cure the error code. The SDK keeps the list of throttling codes; it holds
// DynamoDB's, KMS's and S3's alike.
func mayPass(code string) bool {
	if _, throttled := retry.DefaultThrottleErrorCodes[code]; throttled {
		return true
	}
	if _, transient := retry.DefaultRetryableErrorCodes[code]; transient {
		return true
	}
	switch code {
	case "ConditionalRequestConflict", "OperationAborted": // S3, 409: another write to the same key is under way
	case "TransactionConflictException": // DynamoDB: a transaction holds the item
	case "Throttled", "KMSThrottled", "KMSThrottlingException": // SNS and SQS, of their key
	case "InternalError", "InternalFailure", "InternalServerError", "ServiceUnavailable": // 5xx, also without a status
	default:
		return false
	}
	return true
}

// cutOff reports that no whole answer came: the network broke, or the time was up. Whether the call took effect is then
// unknown.
func cutOff(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		errors.Is(err, io.ErrUnexpectedEOF) ||
		retry.RetryableConnectionError{}.IsErrorRetryable(err) != aws.UnknownTernary
}

// garbled reports an answer which the SDK could not read.
func garbled(err error) bool {
	var decoding *smithy.DeserializationError
	return errors.As(err, &decoding)
}

// Code is the service's error code, such as "NoSuchKey"; empty where no service answered.
func Code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// Status is the HTTP status of the answer in err; 0 where there was none.
func Status(err error) int {
	var response interface{ HTTPStatusCode() int }
	if errors.As(err, &response) {
		return response.HTTPStatusCode()
	}
	return 0
}
