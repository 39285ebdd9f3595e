package server

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/hetznercloud/hcloud-go/v2/hcloud/schema"
)

// problem is an answer that refuses. Codes and statuses are the provider's:
// https://docs.hetzner.cloud/reference/cloud#errors
type problem struct {
	status        int
	code, message string
}

var (
	notFound    = problem{http.StatusNotFound, "not_found", "resource not found"}
	nameTaken   = problem{http.StatusConflict, "uniqueness_error", "server name is already used"}
	locked      = problem{http.StatusLocked, "locked", "resource is locked by another action"}
	protected   = problem{http.StatusForbidden, "protected", "server is protected against deletion"}
	quotaUsedUp = problem{http.StatusForbidden, "resource_limit_exceeded", "server limit exceeded"}
	noneLeft    = problem{http.StatusPreconditionFailed, "resource_unavailable", "server location disabled"}
)

func invalid(message string) problem {
	return problem{http.StatusUnprocessableEntity, "invalid_input", message}
}

// routes is the API. A handler answers a body or a problem.
func (p *Provider) routes() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, status int, h func(*http.Request) (any, *problem)) {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" /v1"+path, func(w http.ResponseWriter, r *http.Request) {
			if p.o.Token != "" && r.Header.Get("Authorization") != "Bearer "+p.o.Token {
				refuse(w, problem{http.StatusUnauthorized, "unauthorized", "unable to authenticate"})
				return
			}
			body, trouble := h(r)
			if trouble != nil {
				refuse(w, *trouble)
				return
			}
			if status == http.StatusNoContent {
				w.WriteHeader(status)
				return
			}
			reply(w, status, body)
		})
	}
	handle("GET /servers", 200, p.listServers)
	handle("POST /servers", 201, p.createServer)
	handle("GET /servers/{id}", 200, p.getServer)
	handle("PUT /servers/{id}", 200, p.updateServer)
	handle("DELETE /servers/{id}", 200, p.deleteServer)
	handle("POST /servers/{id}/actions/{command}", 201, p.actOnServer)
	handle("GET /volumes", 200, p.listVolumes)
	handle("POST /volumes", 201, p.createVolume)
	handle("GET /volumes/{id}", 200, p.getVolume)
	handle("DELETE /volumes/{id}", 204, p.deleteVolume)
	handle("POST /volumes/{id}/actions/attach", 201, p.attachVolume)
	handle("POST /volumes/{id}/actions/detach", 201, p.detachVolume)
	handle("GET /ssh_keys", 200, p.listKeys)
	handle("POST /ssh_keys", 201, p.createKey)
	handle("GET /ssh_keys/{id}", 200, p.getKey)
	handle("DELETE /ssh_keys/{id}", 204, p.deleteKey)
	handle("GET /actions", 200, p.listActions)
	handle("GET /actions/{id}", 200, p.getAction)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { refuse(w, notFound) })
	return mux
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, p problem) {
	type answer struct {
		Code    string         `json:"code"`
		Message string         `json:"message"`
		Details map[string]any `json:"details"`
	}
	reply(w, p.status, map[string]answer{"error": {p.code, p.message, map[string]any{}}})
}

// decode reads a request body; the provider accepts fields that it does not know.
func decode[T any](r *http.Request) (T, *problem) {
	var body T
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return body, &problem{http.StatusBadRequest, "json_error", "invalid JSON in request"}
	}
	return body, nil
}

func pathID(r *http.Request) int64 {
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	return id
}

// page cuts one page out of all and describes it; 25 entries are the provider's default, 50 its most.
func page[T any](r *http.Request, all []T) ([]T, schema.Meta) {
	number, size := 1, 25
	if n, err := strconv.Atoi(r.URL.Query().Get("page")); err == nil && n > 0 {
		number = n
	}
	if n, err := strconv.Atoi(r.URL.Query().Get("per_page")); err == nil && n > 0 {
		size = min(n, 50)
	}
	last := max(1, (len(all)+size-1)/size)
	meta := schema.MetaPagination{Page: number, PerPage: size, LastPage: last, TotalEntries: len(all)}
	if number > 1 {
		meta.PreviousPage = number - 1
	}
	if number < last {
		meta.NextPage = number + 1
	}
	from := min((number-1)*size, len(all))
	return append([]T{}, all[from:min(from+size, len(all))]...), schema.Meta{Pagination: &meta}
}

// selected applies a label selector: `k=v`, `k==v`, `k!=v`, `k`, `!k`, joined by commas.
func selected(selector string, labels map[string]string) bool {
	for term := range strings.SplitSeq(selector, ",") {
		term = strings.TrimSpace(term)
		if term == "" {
			continue
		}
		if key, value, ok := strings.Cut(term, "!="); ok {
			if labels[key] == value {
				return false
			}
			continue
		}
		if key, value, ok := strings.Cut(term, "="); ok {
			if got, has := labels[key]; !has || got != strings.TrimPrefix(value, "=") {
				return false
			}
			continue
		}
		_, has := labels[strings.TrimPrefix(term, "!")]
		if has == strings.HasPrefix(term, "!") {
			return false
		}
	}
	return true
}
