package mailu

import (
	"fmt"
	"net/http"
)

// answer is what the API sends: a status and a body in JSON.
type answer struct {
	status int
	body   any
}

// say is the usual answer: the code repeated beside a message.
func say(status int, format string, args ...any) *answer {
	return sayWithin(status, status, format, args...)
}

// sayWithin is an answer whose code differs from its HTTP status.
func sayWithin(status, code int, format string, args ...any) *answer {
	return &answer{status, struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}{code, fmt.Sprintf(format, args...)}}
}

// plain is the answer of the framework below: a message alone.
func plain(status int, message string) *answer {
	return &answer{status, struct {
		Message string `json:"message"`
	}{message}}
}

// invalid is the answer to a payload that breaks its schema.
func invalid(errs orderedErrors) *answer {
	return &answer{http.StatusBadRequest, struct {
		Errors  orderedErrors `json:"errors"`
		Message string        `json:"message"`
	}{errs, "Input payload validation failed"}}
}

const (
	badRequest   = "The browser (or proxy) sent a request that this server could not understand."
	notFoundPage = "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n" +
		"<p>The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again.</p>\n"
	htmlType = "text/html; charset=utf-8"
)

func (a *answer) write(w http.ResponseWriter) {
	body, err := pythonJSON(a.body)
	if err != nil {
		a = plain(http.StatusInternalServerError, "Internal Server Error")
		body = []byte(`{"message": "Internal Server Error"}` + "\n")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	_, _ = w.Write(body) // a client that went away needs no answer
}

// page sends HTML; an empty page is what several of Mailu's addresses answer.
func page(w http.ResponseWriter, status int, html string) {
	w.Header().Set("Content-Type", htmlType)
	w.WriteHeader(status)
	_, _ = w.Write([]byte(html)) // as above
}
