package faults

import (
	"fmt"
	"net/http"
	"strings"
)

// RuntimeAPI is the Route of a proxy before the Lambda Runtime API, of which every running function has one on a port of
// its own: the request's path begins with that port, "/43211/2018-06-01/runtime/invocation/next". Rules see the path
// without it.
func RuntimeAPI(r *http.Request) (upstream string, err error) {
	port, rest, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if !ok {
		return "", fmt.Errorf("%s names no port", r.URL.Path)
	}
	r.URL.Path, r.URL.RawPath = "/"+rest, ""
	return "http://127.0.0.1:" + port, nil
}
