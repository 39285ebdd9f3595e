package strictjson

import (
	"encoding"
	"net/netip"
	"reflect"
	"time"

	"github.com/go-json-experiment/json"
)

// rules say what a value of a type with a form of its own must be.
var rules = map[reflect.Type]string{
	reflect.TypeFor[netip.Addr]():   "an IP address",
	reflect.TypeFor[netip.Prefix](): "a network such as 192.0.2.0/24",
	reflect.TypeFor[time.Time]():    `a time such as "2026-11-24T02:00:00Z"`,
}

// rule is what a value of the type must be; empty for a type that only its own package can speak for.
func rule(t reflect.Type) string {
	if known, ok := rules[t]; ok {
		return known
	}
	if p := reflect.PointerTo(t); p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) || p.Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return ""
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number, not below 0"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.String:
		return "a string"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	}
	return ""
}
