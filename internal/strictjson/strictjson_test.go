package strictjson

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
)

type sample struct {
	Date   string `json:"date"`
	Count  int    `json:"count"`
	Nested struct {
		Name string `json:"name"`
	} `json:"nested"`
	Names   []string `json:"names"`
	Force   bool     `json:"force"`
	Seconds float64  `json:"seconds"`
	Size    uint16   `json:"size"`
	Server  struct {
		IP netip.Addr `json:"ip"`
	} `json:"server"`
	Network netip.Prefix `json:"network"`
	At      time.Time    `json:"at"`
	Word    word         `json:"word"`
}

// word is a type that only its own package can speak for.
type word struct{}

func (*word) UnmarshalText(text []byte) error { return errors.New("not " + string(text)) }

func TestUnmarshalRefuses(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"unknown field":        {`{"date":"x","extra":1}`, `unknown field "extra"`},
		"nested unknown field": {`{"nested":{"nome":"x"}}`, `unknown field "nested.nome"`},
		"another letter case":  {`{"Date":"x"}`, `unknown field "Date"`},
		"duplicate field":      {`{"date":"x","date":"y"}`, `field "date" is there twice`},
		"trailing data":        {`{"date":"x"} {}`, `not one JSON value`},
		"wrong type":           {`{"count":"hunter2"}`, `field "count" must be a whole number`},
		"a fraction":           {`{"count":1.5}`, `field "count" must be a whole number`},
		"a list":               {`{"date":["hunter2"]}`, `field "date" must be a string`},
		"no object":            {`{"nested":"hunter2"}`, `field "nested" must be an object`},
		"no list":              {`{"names":"hunter2"}`, `field "names" must be a list`},
		"wrong within a list":  {`{"names":["x",7]}`, `field "names.1" must be a string`},
		"no boolean":           {`{"force":"hunter2"}`, `field "force" must be true or false`},
		"no number":            {`{"seconds":"hunter2"}`, `field "seconds" must be a number`},
		"below zero":           {`{"size":-1}`, `field "size" must be a whole number, not below 0`},
		"no address":           {`{"server":{"ip":"hunter2"}}`, `field "server.ip" must be an IP address`},
		"a number for it":      {`{"server":{"ip":7}}`, `field "server.ip" must be an IP address`},
		"no network":           {`{"network":"hunter2"}`, `field "network" must be a network`},
		"no time":              {`{"at":"hunter2"}`, `field "at" must be a time such as "2026-11-24T02:00:00Z"`},
		"a form of its own":    {`{"word":"hunter2"}`, `field "word" does not hold what it should`},
		"no object at all":     {`"hunter2"`, `the whole input must be an object`},
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
