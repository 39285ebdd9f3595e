package vault

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/vault/vaulttest"
)

func identity(sessionToken string) Identity {
	return Identity{Role: "snapshot-vault", AWS: aws.Config{
		Region: "eu-central-1",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "key-never-to-be-seen", SessionToken: sessionToken}, nil
		}),
	}}
}

const loggedInAnswer = `{"auth":{"client_token":"` + testToken + `","policies":["snapshot-vault"],"lease_duration":1200}}`

// form is the body of auth/aws/login as Vault takes it apart.
type form struct{ Role, Method, URL, Body string }

func posted(t *testing.T, r vaulttest.Request) (form, http.Header) {
	t.Helper()
	var f struct {
		Role    string `json:"role"`
		Method  string `json:"iam_http_request_method"`
		URL     []byte `json:"iam_request_url"`
		Body    []byte `json:"iam_request_body"`
		Headers []byte `json:"iam_request_headers"`
	}
	if err := json.Unmarshal([]byte(r.Body), &f); err != nil {
		t.Fatal(err)
	}
	var headers http.Header
	if err := json.Unmarshal(f.Headers, &headers); err != nil {
		t.Fatal(err)
	}
	return form{f.Role, f.Method, string(f.URL), string(f.Body)}, headers
}

func TestLoginProvesTheRole(t *testing.T) {
	for _, sessionToken := range []string{"", "session-of-the-function"} {
		standby, n := vaulttest.Start(t), vaulttest.Start(t)
		standby.Be("standby")
		n.On("PUT auth/aws/login", vaulttest.JSON(200, loggedInAnswer))
		s, err := open(t, standby, n).Login(t.Context(), identity(sessionToken))
		if err != nil {
			t.Fatal(err)
		}
		if s.Address != n.URL || s.Health.ClusterID != vaulttest.ClusterID || s.token.Reveal() != testToken {
			t.Errorf("session %+v", s)
		}
		if printed := fmt.Sprintf("%+v %#v", s, *s); strings.Contains(printed, testToken) {
			t.Error("a printed session shows its token")
		}
		login := n.Mutations()[0]
		if login.Header.Get("X-Vault-Token") != "" {
			t.Error("the login carries a token")
		}
		got, headers := posted(t, login)
		want := form{"snapshot-vault", "POST", "https://sts.eu-central-1.amazonaws.com/", "Action=GetCallerIdentity&Version=2011-06-15"}
		if got != want {
			t.Errorf("posted %+v, want %+v", got, want)
		}
		if headers.Get("X-Vault-AWS-IAM-Server-ID") != "vault.example" || headers.Get("X-Amz-Security-Token") != sessionToken {
			t.Errorf("headers %v", headers)
		}
		if headers.Get("Host") != "sts.eu-central-1.amazonaws.com" {
			t.Errorf("host %q", headers.Get("Host"))
		}
		signed := signedHeaders(t, headers)
		for _, name := range []string{"host", "x-vault-aws-iam-server-id", "x-amz-date", "content-type"} {
			if !slices.Contains(signed, name) {
				t.Errorf("%s is not signed: %v", name, signed)
			}
		}
		if slices.Contains(signed, "x-amz-security-token") != (sessionToken != "") {
			t.Errorf("signed %v", signed)
		}
		if again := signAgain(t, got, headers, identity(sessionToken).AWS); again != headers.Get("Authorization") {
			t.Error("the signature does not hold for what was posted")
		}
		n.On("GET sys/mounts", vaulttest.JSON(200, `{"data":{}}`))
		if _, err := s.Mounts(t.Context()); err != nil {
			t.Error(err)
		}
		if last := n.Requests()[len(n.Requests())-1]; last.Header.Get("X-Vault-Token") != testToken {
			t.Errorf("%s does not carry the session's token", last)
		}
	}
}

func signedHeaders(t *testing.T, headers http.Header) []string {
	t.Helper()
	_, after, ok := strings.Cut(headers.Get("Authorization"), "SignedHeaders=")
	if !ok {
		t.Fatal("no SignedHeaders")
	}
	names, _, _ := strings.Cut(after, ",")
	return strings.Split(names, ";")
}

// signAgain is what STS does with the request that Vault sends on.
func signAgain(t *testing.T, f form, headers http.Header, cfg aws.Config) string {
	t.Helper()
	request, err := http.NewRequest(f.Method, f.URL, strings.NewReader(f.Body))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Content-Type", serverIDHeader} {
		request.Header.Set(name, headers.Get(name))
	}
	at, err := time.Parse("20060102T150405Z", headers.Get("X-Amz-Date"))
	if err != nil {
		t.Fatal(err)
	}
	if time.Since(at).Abs() > time.Minute {
		t.Errorf("signed at %v", at)
	}
	hash := sha256.Sum256([]byte(f.Body))
	credentials, _ := cfg.Credentials.Retrieve(t.Context())
	if err := v4.NewSigner().SignHTTP(t.Context(), credentials, request, hex.EncodeToString(hash[:]), "sts", cfg.Region, at); err != nil {
		t.Fatal(err)
	}
	return request.Header.Get("Authorization")
}

func TestLoginFails(t *testing.T) {
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		want   fault.Name
	}{
		"another role":   {vaulttest.JSON(400, `{"errors":["IAM Principal does not belong to the role"]}`), fault.VaultRefused},
		"no token":       {vaulttest.JSON(200, `{"data":{}}`), fault.VaultRefused},
		"an empty token": {vaulttest.JSON(200, `{"auth":{"client_token":"","mfa_requirement":{}}}`), fault.VaultRefused},
		"nothing":        {vaulttest.JSON(204, ``), fault.VaultRefused},
		"not mounted":    {vaulttest.JSON(404, ``), fault.VaultRefused},
		"a redirect":     {vaulttest.Redirect("https://elsewhere.invalid"), fault.VaultUnreachable},
		"sealed":         {vaulttest.JSON(503, `{"errors":["Vault is sealed"]}`), fault.VaultSealed},
		"a cut":          {vaulttest.Cut, fault.VaultUnreachable},
	} {
		n := vaulttest.Start(t)
		n.On("PUT auth/aws/login", tt.answer)
		_, err := open(t, n).Login(t.Context(), identity("session-never-to-be-seen"))
		wantFault(t, name, err, tt.want)
	}

	n := vaulttest.Start(t)
	id := identity("")
	id.AWS.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("metadata service is away")
	})
	_, err := open(t, n).Login(t.Context(), id)
	wantFault(t, "no credentials", err, fault.AWSUnavailable)
	n.Be("sealed")
	_, err = open(t, n).Login(t.Context(), identity(""))
	wantFault(t, "no leader", err, fault.VaultSealed)
	if got := n.Mutations(); len(got) != 0 {
		t.Errorf("sent %v", got)
	}
}

func TestServerIDIsPartOfTheSignature(t *testing.T) {
	sign := func(serverID string) string {
		f := must(signedIdentity(t.Context(), identity("").AWS, serverID, time.Unix(vaulttest.Time, 0)))
		var headers http.Header
		if err := json.Unmarshal(must(base64.StdEncoding.DecodeString(f["iam_request_headers"].(string))), &headers); err != nil {
			t.Fatal(err)
		}
		return headers.Get("Authorization")
	}
	one, again, two := sign("one"), sign("one"), sign("two")
	if one == two || one != again {
		t.Error("the signature does not depend on the server id alone")
	}
}

func TestLogout(t *testing.T) {
	n := vaulttest.Start(t)
	n.On("PUT auth/token/revoke-self", vaulttest.JSON(204, ``))
	loggedIn(t, n).Logout(t.Context())
	got := n.Requests()
	if len(got) != 1 || got[0].String() != "PUT auth/token/revoke-self" || got[0].Header.Get("X-Vault-Token") != testToken {
		t.Errorf("got %v", got)
	}
	n.Close()
	loggedIn(t, n).Logout(t.Context()) // nobody is there: no panic, no error
}
