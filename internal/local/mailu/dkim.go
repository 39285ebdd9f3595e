package mailu

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/emersion/go-msgauth/dkim"
)

// dkimKeys are the private keys of the domains, files {domain}.{selector}.key in PEM. Whoever restores a server puts them
// there before it starts: the API makes keys and never takes one.
type dkimKeys struct {
	folder   string
	selector string
}

func (k dkimKeys) path(domain string) string {
	return filepath.Join(k.folder, domain+"."+k.selector+".key")
}

// generate makes an RSA key of 2048 bits and overwrites the domain's file.
func (k dkimKeys) generate(domain string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(k.path(domain), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o644)
}

// public is the public half of the domain's key as DNS has it, base64 of its SubjectPublicKeyInfo, or empty without a key.
func (k dkimKeys) public(domain string) (string, error) {
	key, err := k.private(domain)
	if err != nil || key == nil {
		return "", err
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return "", fmt.Errorf("DKIM key of %s: %w", domain, err)
	}
	return base64.StdEncoding.EncodeToString(der), nil
}

// private is the domain's key, nil when it has none.
func (k dkimKeys) private(domain string) (crypto.Signer, error) {
	text, err := os.ReadFile(k.path(domain))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("DKIM key of %s is no PEM file", domain)
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("DKIM key of %s is corrupt", domain)
	}
	key, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("DKIM key of %s cannot sign", domain)
	}
	return key, nil
}

// sign copies a message with a signature of the domain before it, or as it is when the domain has no key that can be used.
func (k dkimKeys) sign(domain string, to io.Writer, message io.Reader) error {
	key, err := k.private(domain)
	if err != nil || key == nil {
		_, err := io.Copy(to, message)
		return err
	}
	return dkim.Sign(to, message, &dkim.SignOptions{
		Domain: domain, Selector: k.selector, Signer: key,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
	})
}
