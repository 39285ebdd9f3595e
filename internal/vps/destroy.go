package vps

import (
	"context"
	"errors"
	"strconv"

	"github.com/penguinmails/disaster-recovery/internal/task"
)

// DestroyInput says whose new servers go, after recoveries that failed.
type DestroyInput struct {
	TenantID string `json:"tenant_id"`
	// Keep is the server that the registry names: it is never destroyed, whoever made it.
	Keep string `json:"keep"`
	// Builders are the ARNs of the executions whose servers go, dead ones; empty stands for this one.
	Builders []string `json:"builders"`
	// Served: DNS has pointed to one of these servers for a while, so that mail may have been delivered there.
	Served    bool           `json:"served"`
	Execution task.Execution `json:"execution"`
}

// Validate refuses an input that does not say what to keep.
func (in DestroyInput) Validate() error {
	if in.TenantID == "" || in.Keep == "" {
		return errors.New("tenant_id or keep is missing")
	}
	return in.Execution.Validate()
}

// Destroyed names the servers that went, and those that were only switched off.
type Destroyed struct {
	ServerIDs []string `json:"server_ids"`
	KeptIDs   []string `json:"kept_ids"`
}

// Destroyer is the step DestroyVps.
type Destroyer struct{ Project Project }

// Destroy deletes what the executions have built, found by its labels; other servers of the tenant are none of its
// business. A server that may have served is not deleted but switched off and protected, and one that is protected stays
// so. It asks for no lease: what it deletes never served anybody, and a successor would build its own.
func (d Destroyer) Destroy(ctx context.Context, in DestroyInput) (Destroyed, error) {
	keep, err := serverID(in.Keep)
	if err != nil {
		return Destroyed{}, err
	}
	provider, err := d.Project.Open(ctx)
	if err != nil {
		return Destroyed{}, err
	}
	out := Destroyed{ServerIDs: []string{}, KeptIDs: []string{}}
	builders := in.Builders
	if len(builders) == 0 {
		builders = []string{in.Execution.ARN}
	}
	for _, builder := range builders {
		found, err := provider.Find(ctx, built(in.TenantID, builder))
		if err != nil {
			return Destroyed{}, err
		}
		for _, s := range found {
			remove, list := provider.Delete, &out.ServerIDs
			switch {
			case s.ID == keep:
				continue
			case in.Served || s.Protected:
				remove, list = provider.retire, &out.KeptIDs
			}
			if err := remove(ctx, s.ID); err != nil {
				return Destroyed{}, err
			}
			*list = append(*list, strconv.FormatInt(s.ID, 10))
		}
	}
	return out, nil
}
