package server

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/hetznercloud/hcloud-go/v2/hcloud/schema"
)

// action is work that the provider does after it has answered; its state is read under Provider.mu.
type action struct{ schema.Action }

// begin records an action on resources and runs its work in the background. It is called with p.mu held; the work is
// done without.
func (p *Provider) begin(command string, work func() error, resources ...schema.ActionResourceReference) schema.Action {
	a := &action{schema.Action{ID: p.newID(), Status: "running", Command: command, Started: now(), Resources: resources}}
	p.actions[a.ID] = a
	p.work.Go(func() {
		err := work()
		p.mu.Lock()
		defer p.mu.Unlock()
		ended := now()
		a.Finished, a.Progress, a.Status = &ended, 100, "success"
		if err != nil {
			p.log.Printf("action %s: %v", command, err)
			a.Status, a.Error = "error", &schema.ActionError{Code: "action_failed", Message: "action failed"}
		}
	})
	return a.Action
}

func onServer(id int64) schema.ActionResourceReference {
	return schema.ActionResourceReference{ID: id, Type: "server"}
}

func onVolume(id int64) schema.ActionResourceReference {
	return schema.ActionResourceReference{ID: id, Type: "volume"}
}

// busy reports whether an action on the resource is under way; called with p.mu held.
func (p *Provider) busy(resource schema.ActionResourceReference) bool {
	for _, a := range p.actions {
		if a.Status == "running" && slices.Contains(a.Resources, resource) {
			return true
		}
	}
	return false
}

func (p *Provider) getAction(r *http.Request) (any, *problem) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.actions[pathID(r)]
	if a == nil {
		return nil, &notFound
	}
	return schema.ActionGetResponse{Action: a.Action}, nil
}

func (p *Provider) listActions(r *http.Request) (any, *problem) {
	p.mu.Lock()
	defer p.mu.Unlock()
	wanted := r.URL.Query()["id"]
	var all []schema.Action
	for _, a := range sorted(p.actions) {
		if len(wanted) == 0 || slices.Contains(wanted, strconv.FormatInt(a.ID, 10)) {
			all = append(all, a.Action)
		}
	}
	actions, meta := page(r, all)
	return struct {
		schema.ActionListResponse
		schema.MetaResponse
	}{schema.ActionListResponse{Actions: actions}, schema.MetaResponse{Meta: meta}}, nil
}

// sorted lists a table by id.
func sorted[K cmp.Ordered, V any](table map[K]V) []V {
	var values []V
	for _, key := range slices.Sorted(maps.Keys(table)) {
		values = append(values, table[key])
	}
	return values
}

func now() time.Time { return time.Now().UTC().Truncate(time.Second) }
