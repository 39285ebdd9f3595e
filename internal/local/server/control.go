package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
)

// Info is what only somebody at the machine knows of a server.
type Info struct {
	ID      int64             `json:"id"`
	Name    string            `json:"name"`
	Status  string            `json:"status"` // as the API says it
	Address string            `json:"address"`
	Dir     string            `json:"dir"`      // its file system
	HostKey string            `json:"host_key"` // the public one, in authorized_keys form
	Labels  map[string]string `json:"labels,omitempty"`
}

// Servers lists all servers, the oldest first.
func (p *Provider) Servers() []Info {
	p.mu.Lock()
	var infos []Info
	machines := make([]*machine, 0, len(p.machines))
	for _, m := range p.machines {
		machines = append(machines, m)
		infos = append(infos, Info{ID: m.id, Name: m.name, Address: m.address, Dir: m.dir, Labels: m.labels})
	}
	p.mu.Unlock()
	for i, m := range machines {
		infos[i].Status, infos[i].HostKey = m.state(), m.publicHostKey()
	}
	slices.SortFunc(infos, func(a, b Info) int { return int(a.ID - b.ID) })
	return infos
}

// Crash makes a server fail as hardware does: everything on it ends at once, while the provider goes on to call it
// running. If it heals, a reboot brings it back; otherwise it never answers again.
func (p *Provider) Crash(id int64, heals bool) error {
	p.mu.Lock()
	m := p.machines[id]
	p.mu.Unlock()
	if m == nil {
		return fmt.Errorf("there is no server %d", id)
	}
	m.cutBoot()
	m.operation.Lock()
	defer m.operation.Unlock()
	if err := m.off(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.status, m.broken = statusRunning, !heals
	return nil
}

// Unprotect takes the protection against deletion off, as a person does who has copied what was there.
func (p *Provider) Unprotect(id int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if m := p.machines[id]; m != nil {
		m.kept = false
	}
}

// controls is the control endpoint: GET and PUT /faults, GET /servers, POST /servers/{id}/crash?heals=true.
func (p *Provider) controls() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, p.Faults()) })
	mux.HandleFunc("PUT /faults", func(w http.ResponseWriter, r *http.Request) {
		var f Faults
		decoder := json.NewDecoder(r.Body)
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&f); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		p.SetFaults(f)
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /servers", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, p.Servers()) })
	mux.HandleFunc("POST /servers/{id}/crash", func(w http.ResponseWriter, r *http.Request) {
		id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
		heals, _ := strconv.ParseBool(r.URL.Query().Get("heals"))
		if err := p.Crash(id, heals); err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

// Control steers a provider that runs in another process.
type Control struct{ URL string }

// Faults asks what is wrong now.
func (c Control) Faults(ctx context.Context) (f Faults, err error) {
	return f, c.call(ctx, http.MethodGet, "/faults", nil, &f)
}

// SetFaults replaces what is wrong.
func (c Control) SetFaults(ctx context.Context, f Faults) error {
	return c.call(ctx, http.MethodPut, "/faults", f, nil)
}

// Servers lists all servers, the oldest first.
func (c Control) Servers(ctx context.Context) (infos []Info, err error) {
	return infos, c.call(ctx, http.MethodGet, "/servers", nil, &infos)
}

// Crash makes a server fail; see Provider.Crash.
func (c Control) Crash(ctx context.Context, id int64, heals bool) error {
	return c.call(ctx, http.MethodPost, fmt.Sprintf("/servers/%d/crash?heals=%v", id, heals), nil, nil)
}

func (c Control) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.URL+path, body)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("control local server provider: %w", err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("%s: %s", response.Status, bytes.TrimSpace(data))
	}
	if err == nil && out != nil {
		err = json.Unmarshal(data, out)
	}
	if err != nil {
		return fmt.Errorf("control local server provider: %s %s: %w", method, path, err)
	}
	return nil
}
