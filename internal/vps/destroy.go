package vps

import (
	"context"
	"errors"
	"strconv"

	"github.com/penguinmails/disaster-recovery/internal/task"
)

// DestroyInput says whose new server goes, after a recovery that failed.
type DestroyInput struct {
	TenantID string `json:"tenant_id"`
	Fencing  int64  `json:"fencing"`
	// Keep is the server that the registry names: it is never destroyed, whoever made it.
	Keep      string         `json:"keep"`
	Execution task.Execution `json:"execution"`
}

// Validate refuses an input that does not say what to keep.
func (in DestroyInput) Validate() error {
	if in.TenantID == "" || in.Keep == "" {
		return errors.New("tenant_id or keep is missing")
	}
	return in.Execution.Validate()
}

// Destroyed names the servers that went.
type Destroyed struct {
	ServerIDs []string `json:"server_ids"`
}

// Destroyer is the step DestroyVps.
type Destroyer struct{ Project Project }

// Destroy deletes what this very execution has built, found by its labels; other servers of the tenant are none of its
// business. It asks for no lease: what it deletes never served anybody, and a successor would build its own.
func (d Destroyer) Destroy(ctx context.Context, in DestroyInput) (Destroyed, error) {
	keep, err := serverID(in.Keep)
	if err != nil {
		return Destroyed{}, err
	}
	provider, err := d.Project.Open(ctx)
	if err != nil {
		return Destroyed{}, err
	}
	built, err := provider.Find(ctx, built(in.TenantID, in.Execution))
	if err != nil {
		return Destroyed{}, err
	}
	gone := Destroyed{ServerIDs: []string{}}
	for _, s := range built {
		if s.ID == keep {
			continue
		}
		if err := provider.Delete(ctx, s.ID); err != nil {
			return Destroyed{}, err
		}
		gone.ServerIDs = append(gone.ServerIDs, strconv.FormatInt(s.ID, 10))
	}
	return gone, nil
}
