package vault

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/go-json-experiment/json"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

// serverIDHeader is signed with the login, so that it fits one Vault only.
const serverIDHeader = "X-Vault-AWS-IAM-Server-ID"

// Identity is the function's own AWS identity and the Vault role of the same step.
type Identity struct {
	AWS  aws.Config
	Role string
}

// Session is a login at the leader, with the policy of one step.
type Session struct {
	*Node
	Health Health
	token  secret.String
}

// Login proves the function's IAM role to the leader: it signs an STS GetCallerIdentity request that Vault itself sends
// to STS. No secret is stored anywhere. The role of the step in Vault is bound to the fixed name of the function's IAM
// role; both travel inside the snapshot, so the same login works right after a restore.
func (c *Cluster) Login(ctx context.Context, id Identity) (*Session, error) {
	leader, health, err := c.Leader(ctx)
	if err != nil {
		return nil, err
	}
	form, err := signedIdentity(ctx, id.AWS, c.serverID, time.Now())
	if err != nil {
		return nil, err
	}
	form["role"] = id.Role
	answer, err := leader.api.Logical().WriteWithContext(ctx, "auth/aws/login", form)
	if err != nil {
		return nil, named(err, "log in as "+id.Role)
	}
	if answer == nil || answer.Auth == nil || answer.Auth.ClientToken == "" {
		return nil, fault.VaultRefused.Errorf("log in as %s: no token in the answer", id.Role)
	}
	return leader.with(secret.New(answer.Auth.ClientToken), health)
}

// with makes a session from a token: the login's, or the one of an initialisation.
func (n *Node) with(token secret.String, health Health) (*Session, error) {
	client, err := n.client(token, patience, retries)
	if err != nil {
		return nil, err
	}
	return &Session{Node: &Node{Address: n.Address, http: n.http, api: client, probe: n.probe}, Health: health, token: token}, nil
}

// signedIdentity is the body of auth/aws/login: the request that Vault replays to STS. The host that is signed must be
// a real STS host; Vault sends the request to the endpoint of its own configuration.
func signedIdentity(ctx context.Context, cfg aws.Config, serverID string, now time.Time) (map[string]any, error) {
	const body = "Action=GetCallerIdentity&Version=2011-06-15"
	host := "sts." + cfg.Region + ".amazonaws.com"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+host+"/", strings.NewReader(body))
	if err != nil {
		return nil, fault.InvalidConfiguration.Errorf("STS request: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	request.Header.Set(serverIDHeader, serverID)
	credentials, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fault.AWSUnavailable.Errorf("the function's credentials: %w", err)
	}
	hash := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(ctx, credentials, request, hex.EncodeToString(hash[:]), "sts", cfg.Region, now); err != nil {
		return nil, fault.InvalidConfiguration.Errorf("sign the login: %w", err)
	}
	request.Header.Set("Host", host)
	headers, err := json.Marshal(request.Header)
	if err != nil {
		return nil, fault.Unexpected.Errorf("encode the signed headers: %w", err)
	}
	encode := func(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
	return map[string]any{
		"iam_http_request_method": http.MethodPost,
		"iam_request_url":         encode([]byte("https://" + host + "/")),
		"iam_request_body":        encode([]byte(body)),
		"iam_request_headers":     encode(headers),
	}, nil
}

// Logout gives the token back. A token that stays is harmless (minutes of life, one policy), so a failure is ignored.
func (s *Session) Logout(ctx context.Context) {
	_ = s.api.Auth().Token().RevokeSelfWithContext(ctx, "")
}
