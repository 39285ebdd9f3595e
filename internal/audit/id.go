package audit

import (
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/penguinmails/disaster-recovery/internal/task"
)

// namespace is the UUIDv5 of the URL below in the URL namespace of RFC 9562: 2d2e3107-87db-54f7-9d64-c8017f6707b0.
var namespace = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://github.com/penguinmails/disaster-recovery/audit/1"))

// NewID names the record of one step of one execution, so that a step that runs twice writes one record. It is the
// UUIDv5, in the namespace above, of five lines joined by "\n", without one at the end:
//
//	execution ARN
//	start time of the execution, RFC 3339 in UTC with as many decimals as it has
//	state name
//	index of the Map iteration in decimal; an empty line outside a Map (mapIndex nil)
//	event
//
// The start time is part of it because an execution's name, and so its ARN, may be used again after 90 days.
func NewID(x task.Execution, mapIndex *int, event Event) string {
	index := ""
	if mapIndex != nil {
		index = strconv.Itoa(*mapIndex)
	}
	name := []string{x.ARN, x.StartedAt.UTC().Format(time.RFC3339Nano), x.State, index, string(event)}
	return uuid.NewSHA1(namespace, []byte(strings.Join(name, "\n"))).String()
}
