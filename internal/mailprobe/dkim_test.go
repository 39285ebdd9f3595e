package mailprobe

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"testing"
)

func dkimKey(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

func TestMatchDKIM(t *testing.T) {
	key, other := dkimKey(t), dkimKey(t)
	served := "v=DKIM1; k=rsa; p=" + key
	for name, c := range map[string]struct {
		served    string
		published []string
		want      bool
	}{
		"the same":                {served, []string{served}, true},
		"in other words":          {served, []string{"k=rsa;p = " + key[:40] + " \t" + key[40:] + " ; v=DKIM1;"}, true},
		"beside another text":     {served, []string{"some verification", served}, true},
		"another key":             {served, []string{"v=DKIM1; k=rsa; p=" + other}, false},
		"two keys":                {served, []string{served, "v=DKIM1; k=rsa; p=" + other}, false},
		"none":                    {served, nil, false},
		"revoked":                 {served, []string{"v=DKIM1; k=rsa; p="}, false},
		"revoked on both sides":   {"v=DKIM1; k=rsa; p=", []string{"v=DKIM1; k=rsa; p="}, false},
		"no base64":               {served, []string{"v=DKIM1; p=?"}, false},
		"the server has no key":   {"", []string{served}, false},
		"base64 that is no key":   {"v=DKIM1; p=AAAA", []string{"v=DKIM1; p=AAAA"}, false},
		"cut off":                 {served, []string{served[:len(served)-8]}, false},
		"a tag that ends with p=": {served, []string{"v=DKIM1; sp=" + key}, false},
	} {
		if err := MatchDKIM(c.served, c.published); (err == nil) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
