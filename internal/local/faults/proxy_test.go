package faults

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// world is a proxy before an upstream that counts what reached it.
type world struct {
	*Proxy
	client  *http.Client
	reached atomic.Int64
}

const said = "the upstream's own answer"

func start(t *testing.T, o Options) *world {
	t.Helper()
	w := &world{client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	upstream := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.reached.Add(1)
		_, _ = io.WriteString(rw, said)
	}))
	t.Cleanup(upstream.Close)
	w.Proxy = proxy(t, o)
	w.Forward(upstream.URL)
	return w
}

func proxy(t *testing.T, o Options) *Proxy {
	t.Helper()
	p, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// get asks the proxy for /path.
func (w *world) get(ctx context.Context) (status int, body string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.URL()+"/path", nil)
	if err != nil {
		return 0, "", err
	}
	answer, err := w.client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(content), err
}

// well asserts that the next request gets through.
func (w *world) well(t *testing.T) {
	t.Helper()
	before := w.reached.Load()
	status, body, err := w.get(t.Context())
	if status != http.StatusOK || body != said || err != nil || w.reached.Load() != before+1 {
		t.Errorf("without a fault: %d %q, %v; the upstream saw %d requests", status, body, err, w.reached.Load()-before)
	}
}

func TestStrikes(t *testing.T) {
	for name, tt := range map[string]struct {
		strike  Strike
		reached int64
		status  int
		body    string
		err     error
	}{
		"cut before": {CutBefore, 0, 0, "", io.EOF},
		"cut after":  {CutAfter, 1, 0, "", io.EOF},
		"throttled":  {Answer(429, "application/json", `{"message":"slow down"}`), 0, 429, `{"message":"slow down"}`, nil},
		"a page":     {Answer(200, "text/html", "<html>"), 0, 200, "<html>", nil},
		"truncated":  {Truncate, 1, 200, said[:len(said)/2], io.ErrUnexpectedEOF},
		"delayed":    {Delay(time.Millisecond), 1, 200, said, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, Options{})
			rule := w.Add(Rule{Times: 1, Strikes: []Strike{tt.strike}})
			status, body, err := w.get(t.Context())
			if status != tt.status || body != tt.body || !errors.Is(err, tt.err) || w.reached.Load() != tt.reached || rule.Struck() != 1 {
				t.Errorf("%d %q, %v; the upstream saw %d requests, the rule struck %d", status, body, err, w.reached.Load(), rule.Struck())
			}
			w.well(t)
		})
	}
}

func TestADelayIsOne(t *testing.T) {
	t.Parallel()
	w := start(t, Options{})
	const long = 50 * time.Millisecond
	w.Add(Rule{Strikes: []Strike{Delay(long)}})
	before := time.Now()
	w.well(t)
	if took := time.Since(before); took < long {
		t.Errorf("answered after %s", took)
	}
}

// Who hangs waits until it gives up itself, or until the proxy is stopped.
func TestHang(t *testing.T) {
	t.Parallel()
	for name, giveUp := range map[string]func(w *world, cancel context.CancelFunc){
		"the caller gives up":  func(_ *world, cancel context.CancelFunc) { cancel() },
		"the proxy is stopped": func(w *world, _ context.CancelFunc) { _ = w.Stop() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, Options{})
			here := make(chan struct{})
			w.Add(Rule{Times: 1, Strikes: []Strike{Before(func() { close(here) }), Hang}})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			go func() { _, _, err := w.get(ctx); ended <- err }()
			<-here
			giveUp(w, cancel)
			if err := <-ended; err == nil || w.reached.Load() != 0 {
				t.Errorf("%v; the upstream saw %d requests", err, w.reached.Load())
			}
		})
	}
}

func TestBeforeAndAfterTheEffect(t *testing.T) {
	t.Parallel()
	w := start(t, Options{})
	var before, after int64 = -1, -1
	w.Add(Rule{Strikes: []Strike{
		Before(func() { before = w.reached.Load() }), After(func() { after = w.reached.Load() }),
	}})
	w.well(t)
	if before != 0 || after != 1 {
		t.Errorf("the upstream had seen %d requests before, %d after", before, after)
	}
}

func TestRulesStrikeWhatFits(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		rule Rule
		fits bool
	}{
		"anything":        {Rule{}, true},
		"method":          {Rule{Method: "POST"}, true},
		"other method":    {Rule{Method: "PUT"}, false},
		"path":            {Rule{Path: "/2013"}, true},
		"other path":      {Rule{Path: "/2014"}, false},
		"action":          {Rule{Action: "UpdateItem"}, true},
		"other action":    {Rule{Action: "GetItem"}, false},
		"body":            {Rule{Body: "acme"}, true},
		"other body":      {Rule{Body: "globex"}, false},
		"caller":          {Rule{Caller: "me"}, true},
		"other caller":    {Rule{Caller: "you"}, false},
		"condition":       {Rule{If: func(r *http.Request) bool { return r.Header.Get("X") == "y" }}, true},
		"other condition": {Rule{If: func(r *http.Request) bool { return r.Header.Get("X") == "z" }}, false},
		"all but one":     {Rule{Method: "POST", Action: "UpdateItem", Body: "globex"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, Options{Caller: func(_, _ netip.AddrPort) string { return "me" }})
			tt.rule.Strikes = []Strike{Answer(500, "text/plain", "struck")}
			rule := w.Add(tt.rule)
			request, err := http.NewRequestWithContext(t.Context(), "POST", w.URL()+"/2013/x", strings.NewReader(`{"id":"acme"}`))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("X-Amz-Target", "DynamoDB_20120810.UpdateItem")
			request.Header.Set("X", "y")
			answer, err := w.client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if struck := answer.StatusCode == 500; struck != tt.fits || rule.Struck() == 1 != tt.fits {
				t.Errorf("struck: %v, want %v", struck, tt.fits)
			}
		})
	}
}

func TestWhichRequestsARuleStrikes(t *testing.T) {
	t.Parallel()
	w := start(t, Options{})
	rule := w.Add(Rule{Skip: 1, Times: 2, Strikes: []Strike{Answer(500, "text/plain", "")}})
	var got []int
	for range 5 {
		status, _, err := w.get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, status)
	}
	want := [5]int{200, 500, 500, 200, 200}
	if [5]int(got) != want || rule.Struck() != 2 {
		t.Errorf("answers %v, want %v", got, want)
	}
	always := w.Add(Rule{Strikes: []Strike{CutBefore}})
	if _, _, err := w.get(t.Context()); err == nil {
		t.Error("the new rule does not strike")
	}
	always.Remove()
	w.well(t)
}

// Who calls is asked of both ends of a connection, and again for as long as nobody knows.
func TestCaller(t *testing.T) {
	t.Parallel()
	var asked int
	var ends [2]netip.AddrPort
	w := start(t, Options{Caller: func(theirs, ours netip.AddrPort) string {
		ends = [2]netip.AddrPort{theirs, ours}
		if asked++; asked == 1 {
			return ""
		}
		return "me"
	}})
	w.client = &http.Client{Transport: &http.Transport{}}
	defer w.client.CloseIdleConnections()
	rule := w.Add(Rule{Caller: "me", Strikes: []Strike{Before(func() {})}})
	for range 3 {
		w.well(t)
	}
	if ours := netip.MustParseAddrPort(w.Address()); asked != 2 || rule.Struck() != 2 || ends[1] != ours || ends[0] == ours {
		t.Errorf("asked %d times, at last for %v; %d calls had a name", asked, ends, rule.Struck())
	}
}

func TestAwait(t *testing.T) {
	t.Parallel()
	w := start(t, Options{Caller: func(_, _ netip.AddrPort) string { return "me" }})
	isIt := func(c Call) bool { return c.Action == "Publish" }
	found := make(chan Call, 1)
	go func() {
		c, err := w.Await(t.Context(), isIt)
		if err != nil {
			t.Error(err)
		}
		found <- c
	}()
	w.well(t)
	answer, err := w.client.PostForm(w.URL(), url.Values{"Action": {"Publish"}})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	for range 2 { // a call that has passed counts too
		c := <-found
		c.body = nil
		if c.Caller != "me" || c.Method != "POST" || c.Path != "/" || c.Status != 200 {
			t.Errorf("call %+v", c)
		}
		go func() { c, _ := w.Await(t.Context(), isIt); found <- c }()
	}
	<-found
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.Await(ended, func(Call) bool { return false }); !errors.Is(err, context.Canceled) {
		t.Errorf("awaiting what does not come: %v", err)
	}
}

// What is signed arrives as it was sent, and a redirect is the caller's business.
func TestRequestsArriveAsTheyWereSent(t *testing.T) {
	t.Parallel()
	type seen struct{ host, path, query, forwarded, encoding string }
	arrived := make(chan seen, 1)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived <- seen{r.Host, r.URL.EscapedPath(), r.URL.RawQuery, r.Header.Get("X-Forwarded-For"), r.Header.Get("Accept-Encoding")}
		http.Redirect(w, r, "https://elsewhere.example/", http.StatusTemporaryRedirect)
	}))
	t.Cleanup(upstream.Close)
	p := proxy(t, Options{})
	p.Forward(upstream.URL)
	request, err := http.NewRequestWithContext(t.Context(), "GET", p.URL()+"/a%2Fb?x-id=1&y", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := (&http.Transport{DisableCompression: true, DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if got, want := <-arrived, (seen{p.Address(), "/a%2Fb", "x-id=1&y", "", ""}); got != want {
		t.Errorf("arrived as %+v, want %+v", got, want)
	}
	if answer.StatusCode != http.StatusTemporaryRedirect || answer.Header.Get("Location") != "https://elsewhere.example/" {
		t.Errorf("the redirect is %d to %s", answer.StatusCode, answer.Header.Get("Location"))
	}
}

// The first half of a body passes, both ways, before there is a second.
func TestBodiesStream(t *testing.T) {
	t.Parallel()
	half := bytes.Repeat([]byte("x"), 1<<16)
	there := make(chan struct{})
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		got := make([]byte, len(half))
		_, _ = io.ReadFull(r.Body, got)
		close(there)
		_, _ = w.Write(got)
		_ = http.NewResponseController(w).Flush()
		_, _ = io.Copy(w, r.Body)
	}))
	t.Cleanup(upstream.Close)
	p := proxy(t, Options{})
	p.Forward(upstream.URL)
	body, input := io.Pipe()
	request, err := http.NewRequestWithContext(t.Context(), "PUT", p.URL(), body)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = input.Write(half)
		<-there
		_, _ = input.Write(half)
		_ = input.Close()
	}()
	answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if got, err := io.ReadAll(answer.Body); len(got) != 2*len(half) || err != nil {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
}

func TestAnUpstreamThatIsDownIsACutConnection(t *testing.T) {
	t.Parallel()
	w := start(t, Options{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	for _, upstream := range []string{"", "http://" + address} {
		w.Forward(upstream)
		if _, _, err := w.get(t.Context()); !errors.Is(err, io.EOF) {
			t.Errorf("upstream %q: %v", upstream, err)
		}
	}
	if _, err := w.DialTo(t.Context(), address); err == nil {
		t.Error("a dialled upstream that does not listen is connected to")
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	upstream := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, said) }))
	t.Cleanup(upstream.Close)
	roots := x509.NewCertPool()
	roots.AddCert(upstream.Certificate())
	p := proxy(t, Options{Certificate: &upstream.TLS.Certificates[0], Roots: roots})
	p.Forward(upstream.URL)
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true, DisableKeepAlives: true,
	}}
	ask := func() (string, error) {
		answer, err := client.Get(p.URL())
		if err != nil {
			return "", err
		}
		defer answer.Body.Close()
		content, err := io.ReadAll(answer.Body)
		return string(content), err
	}
	if got, err := ask(); got != said || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	p.Add(Rule{Strikes: []Strike{CutAfter}})
	if _, err := ask(); !errors.Is(err, io.EOF) {
		t.Errorf("a lost answer: %v", err)
	}
	distrusting := proxy(t, Options{Roots: x509.NewCertPool()})
	distrusting.Forward(upstream.URL)
	if _, err := client.Get(distrusting.URL()); !errors.Is(err, io.EOF) {
		t.Errorf("an upstream that the proxy does not trust: %v", err)
	}
}

// Connections that were dialled know their own upstream, and rules strike them all the same.
func TestDialTo(t *testing.T) {
	t.Parallel()
	w := start(t, Options{})
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "the other one's") }))
	t.Cleanup(other.Close)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return w.DialTo(ctx, other.Listener.Addr().String())
	}}}
	answer, err := client.Get("http://127.0.0.1:8080/api")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if got, _ := io.ReadAll(answer.Body); string(got) != "the other one's" {
		t.Errorf("%q answered", got)
	}
	w.well(t)
	w.Add(Rule{Path: "/api", Strikes: []Strike{CutBefore}})
	if _, err := client.Get("http://127.0.0.1:8080/api"); !errors.Is(err, io.EOF) {
		t.Errorf("struck: %v", err)
	}
}

func TestRuntimeAPI(t *testing.T) {
	t.Parallel()
	w := start(t, Options{Route: RuntimeAPI})
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.Path) }))
	t.Cleanup(api.Close)
	_, port, err := net.SplitHostPort(api.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	w.Add(Rule{Path: "/2018-06-01/runtime/invocation/1/response", Strikes: []Strike{CutBefore}})
	answer, err := w.client.Get(w.URL() + "/" + port + "/2018-06-01/runtime/invocation/next")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if got, _ := io.ReadAll(answer.Body); string(got) != "/2018-06-01/runtime/invocation/next" {
		t.Errorf("the function's own API saw %s", got)
	}
	for _, path := range []string{"/" + port + "/2018-06-01/runtime/invocation/1/response", "/" + port} {
		if _, err := w.client.Get(w.URL() + path); !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
