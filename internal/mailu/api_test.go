package mailu

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/secret"
)

// apiTokenText is what the recorded Mailu would call its API_TOKEN.
const apiTokenText = "api-token-0123456789"

// api answers as the recorded Mailu did: each request with the recorded answers that a test lined up for it, the last
// one again and again.
type api struct {
	*httptest.Server
	recorded map[string]recorded

	mu     sync.Mutex
	lined  map[string][]string
	asked  []string
	bodies map[string]string
	extra  map[string]recorded
}

type recorded struct {
	status     int
	kind, body string
}

// recordedLine is "name -> body [status content-type seconds]".
var recordedLine = regexp.MustCompile(`^(.*?)\s+-> (.*)  ?\[(\d+) (.*) [0-9.]+s\] ?$`)

func startAPI(t *testing.T) *api {
	t.Helper()
	a := &api{recorded: map[string]recorded{}, lined: map[string][]string{}, bodies: map[string]string{}, extra: map[string]recorded{}}
	f, err := os.Open("testdata/answers.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		part := recordedLine.FindStringSubmatch(lines.Text())
		if part == nil {
			t.Fatalf("not a recorded answer: %s", lines.Text())
		}
		status, _ := strconv.Atoi(part[3])
		a.recorded[part[1]] = recorded{status, part[4], part[2]}
	}
	a.Server = httptest.NewServer(http.HandlerFunc(a.serve))
	t.Cleanup(a.Close)
	return a
}

// on lines up recorded answers, by their names, for a request such as "GET /user/bob@tenant.example.org".
func (a *api) on(request string, names ...string) { a.lined[request] = names }

// say adds an answer that was not recorded under a name of its own.
func (a *api) say(name string, status int, kind, body string) {
	a.extra[name] = recorded{status, kind, body}
}

func (a *api) client() *Client { return NewClient(a.URL, secret.New(apiTokenText), nil) }

// changes are the requests other than GET.
func (a *api) changes() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(a.asked), func(r string) bool { return strings.HasPrefix(r, "GET ") })
}

func (a *api) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	request := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/api/v1")
	a.mu.Lock()
	a.asked = append(a.asked, request)
	a.bodies[request] = string(body)
	name := "unknown path"
	if lined := a.lined[request]; len(lined) > 0 {
		name = lined[0]
		if len(lined) > 1 {
			a.lined[request] = lined[1:]
		}
	}
	a.mu.Unlock()
	switch {
	case r.Header.Get("Authorization") != "Bearer "+apiTokenText:
		name = "bad token"
	case len(body) > 0 && r.Header.Get("Content-Type") != "application/json":
		name = "no content-type json"
	}
	answer, ok := a.recorded[name]
	if !ok {
		answer = a.extra[name]
	}
	w.Header().Set("Content-Type", answer.kind)
	w.WriteHeader(answer.status)
	_, _ = io.WriteString(w, answer.body)
}
