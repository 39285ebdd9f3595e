package mailu

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
)

// schema is what one operation expects of its payload. Unknown fields are no error.
type schema []field

type field struct {
	name     string
	is       string // string, integer, boolean or array (of strings)
	required bool
	least    *int // the smallest integer
}

// pick is what of the payload the schema names.
func (s schema) pick(payload map[string]any) map[string]any {
	picked := map[string]any{}
	for _, f := range s {
		if v, ok := payload[f.name]; ok {
			picked[f.name] = v
		}
	}
	return picked
}

// readPayload decodes and checks a body in the order in which Mailu does: content type, JSON, schema. The answer is nil
// when the payload is good.
func (s schema) readPayload(r *http.Request) (map[string]any, *answer) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" && !(strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")) {
		return nil, plain(http.StatusUnsupportedMediaType, "Did not attempt to load JSON data because the request Content-Type was not 'application/json'.")
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return nil, plain(http.StatusBadRequest, badRequest)
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var decoded any
	if decoder.Decode(&decoded) != nil || decoder.Decode(new(any)) != io.EOF {
		return nil, plain(http.StatusBadRequest, badRequest)
	}
	payload, ok := decoded.(map[string]any)
	if !ok {
		return nil, invalid(orderedErrors{{"", pythonRepr(decoded) + " is not of type 'object'"}})
	}
	if errs := s.check(payload); len(errs) > 0 {
		return nil, invalid(errs)
	}
	return payload, nil
}

func (s schema) check(payload map[string]any) (errs orderedErrors) {
	for _, f := range s {
		if _, ok := payload[f.name]; f.required && !ok {
			errs = append(errs, [2]string{f.name, fmt.Sprintf("'%s' is a required property", f.name)})
		}
	}
	for _, f := range s {
		v, ok := payload[f.name]
		if !ok {
			continue
		}
		if !hasType(v, f.is) {
			errs = append(errs, [2]string{f.name, fmt.Sprintf("%s is not of type '%s'", pythonRepr(v), f.is)})
			continue
		}
		if number, ok := v.(json.Number); ok && f.least != nil {
			if n, err := number.Int64(); err == nil && n < int64(*f.least) {
				errs = append(errs, [2]string{f.name, fmt.Sprintf("%s is less than the minimum of %d", number, *f.least)})
			}
		}
		items, _ := v.([]any)
		for i, item := range items {
			if !hasType(item, "string") {
				errs = append(errs, [2]string{fmt.Sprintf("%s.%d", f.name, i), pythonRepr(item) + " is not of type 'string'"})
			}
		}
	}
	return errs
}

func hasType(v any, kind string) (ok bool) {
	switch kind {
	case "string":
		_, ok = v.(string)
	case "boolean":
		_, ok = v.(bool)
	case "array":
		_, ok = v.([]any)
	case "integer":
		var number json.Number
		if number, ok = v.(json.Number); ok {
			_, err := number.Int64()
			ok = err == nil
		}
	}
	return ok
}

// orderedErrors are messages by field, written as one JSON object.
type orderedErrors [][2]string

// MarshalJSON keeps the order of the fields.
func (e orderedErrors) MarshalJSON() ([]byte, error) {
	members := make([]string, len(e))
	for i, one := range e {
		name, err := json.Marshal(one[0])
		if err != nil {
			return nil, err
		}
		message, err := json.Marshal(one[1])
		if err != nil {
			return nil, err
		}
		members[i] = string(name) + ":" + string(message)
	}
	return []byte("{" + strings.Join(members, ",") + "}"), nil
}
