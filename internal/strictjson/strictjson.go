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
// JSON cannot tell which fields matter. The error names the offending field and what it must be, never a value: values may
// be secrets.
func Unmarshal(data []byte, v any) error {
	err := json.Unmarshal(data, v, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	return describe(err)
}

// describe keeps the place and the rule of an error and drops the text around it, which may quote the input.
func describe(err error) error {
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		where := field(semantic.JSONPointer)
		if errors.Is(err, json.ErrUnknownName) {
			return fmt.Errorf("unknown %s", where)
		}
		if semantic.GoType != nil {
			if must := rule(semantic.GoType); must != "" {
				return fmt.Errorf("%s must be %s", where, must)
			}
		}
		return fmt.Errorf("%s does not hold what it should", where)
	}
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		if errors.Is(err, jsontext.ErrDuplicateName) {
			return fmt.Errorf("%s is there twice", field(syntactic.JSONPointer))
		}
		return fmt.Errorf("not one JSON value: broken at byte %d", syntactic.ByteOffset)
	}
	return errors.New("not a JSON value")
}

// maxField is how many bytes of a field's name are shown.
const maxField = 80

// field renders a JSON pointer as an operator would name it: field "request.backup_date".
func field(p jsontext.Pointer) string {
	out := ""
	for token := range p.Tokens() {
		if out != "" {
			out += "."
		}
		out += token
	}
	if out == "" {
		return "the whole input"
	}
	if len(out) > maxField {
		out = out[:maxField] + "…" // its author chose it; an error is no place for a novel
	}
	return fmt.Sprintf("field %q", out)
}
