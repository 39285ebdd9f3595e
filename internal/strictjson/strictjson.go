// Package strictjson decodes JSON that a person or another system wrote, and refuses what it does not understand: an
// unknown field, a field written twice or in another letter case, and anything after the value. encoding/json lets the
// last three through, so that `{"Backup_Date": …}` or a second `mode` would silently change what a runbook does.
package strictjson

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Unmarshal decodes exactly one JSON value into v, strictly. Missing fields are the concern of v's own Validate method:
// JSON cannot tell which fields matter. The error names the offending field, never a value: values may be secrets.
func Unmarshal(data []byte, v any) error {
	err := json.Unmarshal(data, v, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	return describe(err)
}

// describe keeps the place and the kind of an error and drops the text around it, which may quote the input.
func describe(err error) error {
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		where := place(semantic.JSONPointer)
		switch {
		case errors.Is(err, json.ErrUnknownName):
			return fmt.Errorf("unknown field %s", where)
		case semantic.GoType != nil && semantic.JSONKind != 0:
			return fmt.Errorf("field %s: a JSON %s does not fit here", where, kind(semantic.JSONKind))
		default:
			return fmt.Errorf("field %s does not hold what it should", where)
		}
	}
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		if errors.Is(err, jsontext.ErrDuplicateName) {
			return fmt.Errorf("field %s is there twice", place(syntactic.JSONPointer))
		}
		return fmt.Errorf("not one JSON value: broken at byte %d", syntactic.ByteOffset)
	}
	return errors.New("not a JSON value")
}

// maxPlace is how many bytes of a field's name are shown.
const maxPlace = 80

// place renders a JSON pointer as an operator would name the field: "request.backup_date".
func place(p jsontext.Pointer) string {
	out := ""
	for token := range p.Tokens() {
		if out != "" {
			out += "."
		}
		out += token
	}
	if out == "" {
		return "at the top"
	}
	if len(out) > maxPlace {
		out = out[:maxPlace] + "…" // its author chose it; an error is no place for a novel
	}
	return fmt.Sprintf("%q", out)
}

func kind(k jsontext.Kind) string {
	switch k {
	case 'n':
		return "null"
	case 't', 'f':
		return "boolean"
	case '"':
		return "string"
	case '0':
		return "number"
	case '{':
		return "object"
	case '[':
		return "array"
	}
	return "value"
}
