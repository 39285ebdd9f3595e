package restore

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/vault/vaulttest"
)

const secretID = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:unseal-shares"

// safe is a Secrets Manager that holds one value.
type safe struct {
	value *string
	err   error
	asked []string
}

func (s *safe) GetSecretValue(_ context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	s.asked = append(s.asked, aws.ToString(in.SecretId))
	return &secretsmanager.GetSecretValueOutput{SecretString: s.value}, s.err
}

const twoShares = `{"shares":["one-never-to-be-seen","two-never-to-be-seen"]}`

// sealedNode opens with the two shares.
func sealedNode(t *testing.T) *vaulttest.Node {
	t.Helper()
	n := vaulttest.StartAll(t, "sealed")[0]
	given := 0
	n.On(unsealRequest, func(w http.ResponseWriter, _ *http.Request) {
		if given++; given == 2 {
			n.Be("active")
		}
		vaulttest.JSON(200, fmt.Sprintf(`{"sealed":%v}`, given < 2))(w, nil)
	})
	return n
}

func TestUnsealEachSealedNode(t *testing.T) {
	one, two := sealedNode(t), sealedNode(t)
	others := vaulttest.StartAll(t, "down", "active", "standby", "uninitialized", "removed")
	s := &safe{value: aws.String(twoShares)}
	u := Unsealer{Cluster: open(t, one, others[0], others[1], two, others[2], others[3], others[4]), Secrets: s, SecretID: secretID}
	got, err := u.Unseal(t.Context(), UnsealInput{Execution: execution})
	if err != nil || !slices.Equal(got.Opened, []string{one.URL, two.URL}) {
		t.Fatalf("Unseal = %v, %v", got, err)
	}
	for _, n := range []*vaulttest.Node{one, two} {
		requests := n.Mutations()
		if len(requests) != 2 || !strings.Contains(requests[0].Body, "one-never") || !strings.Contains(requests[1].Body, "two-never") {
			t.Errorf("a node was sent %v", requests)
		}
	}
	untouched(t, "a node that is not sealed", others...)
	if !slices.Equal(s.asked, []string{secretID}) {
		t.Errorf("asked for %v", s.asked)
	}

	got, err = u.Unseal(t.Context(), UnsealInput{Execution: execution})
	if err != nil || got.Opened == nil || len(got.Opened) != 0 || len(one.Mutations()) != 2 {
		t.Errorf("a second run: %v, %v", got, err)
	}
	if len(s.asked) != 1 {
		t.Error("the shares were read with nothing sealed")
	}
}

func TestUnsealNeedsTheShares(t *testing.T) {
	for name, tt := range map[string]struct {
		value string
		err   error
		want  fault.Name
	}{
		"no value yet":     {"", &types.ResourceNotFoundException{}, fault.UnsealSharesWrong},
		"forbidden":        {"", &smithy.GenericAPIError{Code: "AccessDeniedException"}, fault.AWSRefused},
		"throttled":        {"", &smithy.GenericAPIError{Code: "ThrottlingException"}, fault.AWSUnavailable},
		"empty":            {"", nil, fault.UnsealSharesWrong},
		"not JSON":         {"one-never-to-be-seen", nil, fault.UnsealSharesWrong},
		"a list":           {`["one-never-to-be-seen"]`, nil, fault.UnsealSharesWrong},
		"a string":         {`{"shares":"one-never-to-be-seen"}`, nil, fault.UnsealSharesWrong},
		"numbers":          {`{"shares":[7]}`, nil, fault.UnsealSharesWrong},
		"no shares":        {`{"shares":[]}`, nil, fault.UnsealSharesWrong},
		"null":             {`null`, nil, fault.UnsealSharesWrong},
		"of another name":  {`{"keys":["one-never-to-be-seen"]}`, nil, fault.UnsealSharesWrong},
		"and more":         {`{"shares":["one-never-to-be-seen"],"root":"root-never-to-be-seen"}`, nil, fault.UnsealSharesWrong},
		"shares twice":     {`{"shares":["one-never-to-be-seen"],"shares":[]}`, nil, fault.UnsealSharesWrong},
		"trailing garbage": {twoShares + "never-to-be-seen", nil, fault.UnsealSharesWrong},
	} {
		n := sealedNode(t)
		s := &safe{err: tt.err, value: aws.String(tt.value)}
		if name == "empty" {
			s.value = nil
		}
		_, err := Unsealer{Cluster: open(t, n), Secrets: s, SecretID: secretID}.Unseal(t.Context(), UnsealInput{})
		wantFault(t, name, err, tt.want)
		untouched(t, name, n)
	}
}

func TestUnsealWithWrongShares(t *testing.T) {
	first, second := sealedNode(t), sealedNode(t)
	first.On(unsealRequest, vaulttest.JSON(400, `{"errors":["invalid key: cipher: message authentication failed"]}`))
	u := Unsealer{Cluster: open(t, first, second), Secrets: &safe{value: aws.String(twoShares)}, SecretID: secretID}
	got, err := u.Unseal(t.Context(), UnsealInput{})
	wantFault(t, "wrong shares", err, fault.UnsealSharesWrong)
	if len(got.Opened) != 0 {
		t.Errorf("opened %v", got.Opened)
	}
	if last := first.Mutations()[len(first.Mutations())-1]; !strings.Contains(last.Body, `"reset":true`) {
		t.Error("the node still remembers a share")
	}

	third := sealedNode(t) // its threshold is two
	u = Unsealer{Cluster: open(t, third), Secrets: &safe{value: aws.String(`{"shares":["one-never-to-be-seen"]}`)}}
	_, err = u.Unseal(t.Context(), UnsealInput{})
	wantFault(t, "too few shares", err, fault.UnsealSharesWrong)
}
