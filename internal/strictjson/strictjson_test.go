package strictjson

import (
	"strings"
	"testing"
)

type sample struct {
	Date   string `json:"date"`
	Count  int    `json:"count"`
	Nested struct {
		Name string `json:"name"`
	} `json:"nested"`
}

func TestUnmarshalRefuses(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"unknown field":        {`{"date":"x","extra":1}`, `unknown field "extra"`},
		"nested unknown field": {`{"nested":{"nome":"x"}}`, `unknown field "nested.nome"`},
		"another letter case":  {`{"Date":"x"}`, `unknown field "Date"`},
		"duplicate field":      {`{"date":"x","date":"y"}`, `field "date" is there twice`},
		"trailing data":        {`{"date":"x"} {}`, `not one JSON value`},
		"wrong type":           {`{"count":"hunter2"}`, `field "count": a JSON string does not fit here`},
		"out of range":         {`{"count":1e99}`, `field "count"`},
		"empty input":          {``, `not one JSON value`},
		"cut short":            {`{"date":"hunter2`, `not one JSON value`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var v sample
			err := Unmarshal([]byte(tt.in), &v)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("Unmarshal(%s) = %v, want an error with %q", tt.in, err, tt.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error quotes a value: %v", err)
			}
		})
	}
}

func TestUnmarshalAccepts(t *testing.T) {
	var v sample
	if err := Unmarshal([]byte(`{"date":"2026-11-24","count":3,"nested":{"name":"n"}}`), &v); err != nil {
		t.Fatal(err)
	}
	if v.Date != "2026-11-24" || v.Count != 3 || v.Nested.Name != "n" {
		t.Errorf("decoded %+v", v)
	}
}
