package vps

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// passing are the provider's error codes that a later attempt may cure.
// https://docs.hetzner.cloud/reference/cloud#errors
var passing = map[hcloud.ErrorCode]bool{
	hcloud.ErrorCodeRateLimitExceeded: true,
	hcloud.ErrorCodeConflict:          true, // the resource changed during the request
	hcloud.ErrorCodeLocked:            true, // another action on the resource is under way
	hcloud.ErrorCodeMaintenance:       true,
	hcloud.ErrorCodeServiceError:      true,
	hcloud.ErrorCodeServerError:       true,
	hcloud.ErrorCodeBadGateway:        true,
	hcloud.ErrorCodeTimeout:           true,
	hcloud.ErrorCodeUnknownError:      true,
}

// refusals are our own words for what an operator can do something about; the provider's words go to the log alone.
var refusals = map[hcloud.ErrorCode]string{
	hcloud.ErrorCodeUnauthorized:          "the provider does not know the token",
	hcloud.ErrorCodeForbidden:             "the token may not do this, or the project is blocked",
	hcloud.ErrorCodeInvalidInput:          "the provider does not accept the request: look at type, image, region and name",
	hcloud.ErrorCodeResourceLimitExceeded: "the project's quota is used up",
	hcloud.ErrorCodeResourceUnavailable:   "the provider has none left of what was asked for",
	hcloud.ErrorCodePlacementError:        "the provider found no place for the server",
	hcloud.ErrorCodeInvalidServerType:     "the provider does not offer this type any more",
	hcloud.ErrorCodeUniquenessError:       "the name is taken",
	hcloud.ErrorCodeProtected:             "the resource is protected against this change",
	hcloud.ErrorCodeResourceLocked:        "the provider has locked the resource: call its support",
	hcloud.ErrorCodeNotFound:              "the project has no such resource",
	hcloud.ErrorCodeVolumeAlreadyAttached: "the volume is attached to another server",
	hcloud.ErrorCodeNoSpaceLeftInLocation: "the region has no room for the volume",
	hcloud.ErrorDeprecatedAPIEndpoint:     "the provider has withdrawn this call: update the program",
}

// refuse is fault.ProviderRefused with a public text of ours, and with cause for the log.
func refuse(text, call string, cause error) error {
	if text == "" {
		return fault.ProviderRefused.Errorf("%s: %w", call, cause)
	}
	return fmt.Errorf("%s: %w: %w", call, fault.ProviderRefused.Tellf("%s", text), cause)
}

// faultOf names the fault in err, the error of one call; nil gives nil. A provider that did not answer, or with a
// server error or something unreadable, may have acted all the same.
func faultOf(err error, response *hcloud.Response, format string, args ...any) error {
	if err == nil {
		return nil
	}
	call := fmt.Sprintf(format, args...)
	var answer hcloud.Error
	answered := errors.As(err, &answer)
	if answered && response == nil {
		response = answer.Response()
	}
	status := 0
	if response != nil && response.Response != nil {
		status = response.StatusCode
	}
	switch {
	case answered && passing[answer.Code], status == http.StatusTooManyRequests, status >= http.StatusInternalServerError:
		return fault.ProviderUnavailable.Errorf("%s: %w", call, err)
	case answered:
		return refuse(refusals[answer.Code], call, err)
	case status >= http.StatusBadRequest:
		return fault.ProviderRefused.Errorf("%s: %w", call, err)
	}
	return fault.ProviderUnavailable.Errorf("%s: %w", call, err)
}

// elsewhere reports that the provider refused to make a server here and may do it in another region. For a type that a
// region never offers, or a region that it no longer knows, it has no code of its own: `invalid_input` with the message
// "unsupported location for server type" or "location 'x' not found".
func elsewhere(err error) bool {
	var answer hcloud.Error
	if !errors.As(err, &answer) {
		return false
	}
	switch answer.Code {
	case hcloud.ErrorCodeResourceUnavailable, hcloud.ErrorCodePlacementError, hcloud.ErrorCodeNoSpaceLeftInLocation, hcloud.ErrorCodeInvalidServerType:
		return true
	case hcloud.ErrorCodeInvalidInput:
		return strings.Contains(answer.Message, "location")
	}
	return false
}
