package engine

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// Pace sets how long a state machine really waits, in its Wait states and before its retries: 1 as it says, 0.1 a tenth
// of it. What the machine is and counts stays as deployed.
func (e *Engine) Pace(ctx context.Context, pace float64) error {
	body := fmt.Sprintf(`{"stepfunctions._SFN_WAIT_SCALE":%g}`, pace)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.Endpoint+"/_ministack/config", strings.NewReader(body))
	if err != nil {
		return fmt.Errorf("pace local AWS engine: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("pace local AWS engine: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("pace local AWS engine: %s", resp.Status)
	}
	return nil
}
