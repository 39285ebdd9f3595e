package vaultserver

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	certificateLife = 365 * 24 * time.Hour
	renewBefore     = 30 * 24 * time.Hour
)

// Authority is a local certificate authority and the one server certificate it ever signed, for 127.0.0.1 and
// localhost. The authority's own key is thrown away after that signature: nothing else can be signed in its name.
type Authority struct {
	CAFile, CertFile, KeyFile string // PEM; the key file is 0600
	CAPEM                     []byte // the content of CAFile, for clients that take it by value
}

// NewAuthority returns the authority kept in dir. It makes a new one when there is none, when what is there does not
// fit together, or when it ends within thirty days.
func NewAuthority(dir string) (Authority, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Authority{}, err
	}
	unlock, err := lock(context.Background(), filepath.Join(dir, "lock"))
	if err != nil {
		return Authority{}, err
	}
	defer unlock()
	a := Authority{
		CAFile:   filepath.Join(dir, "ca.pem"),
		CertFile: filepath.Join(dir, "server.pem"),
		KeyFile:  filepath.Join(dir, "server.key"),
	}
	if a.load(time.Now().Add(renewBefore)) == nil {
		return a, nil
	}
	if err := a.create(); err != nil {
		return Authority{}, fmt.Errorf("make a local certificate authority: %w", err)
	}
	return a, a.load(time.Now())
}

// load reads the authority back and checks that a client would be satisfied with it at the given time.
func (a *Authority) load(at time.Time) error {
	var err error
	if a.CAPEM, err = os.ReadFile(a.CAFile); err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(a.CertFile, a.KeyFile)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(a.CAPEM) {
		return errors.New("no certificate in " + a.CAFile)
	}
	for _, host := range []string{"127.0.0.1", "localhost"} {
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: host, CurrentTime: at}); err != nil {
			return err
		}
	}
	return nil
}

func (a *Authority) create() error {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serverKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	ca, err := template("Penguin Mails local authority")
	if err != nil {
		return err
	}
	ca.IsCA, ca.BasicConstraintsValid, ca.MaxPathLenZero = true, true, true
	ca.KeyUsage = x509.KeyUsageCertSign
	server, err := template("Penguin Mails local Vault")
	if err != nil {
		return err
	}
	server.KeyUsage = x509.KeyUsageDigitalSignature
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	server.DNSNames, server.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}

	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return err
	}
	serverDER, err := x509.CreateCertificate(rand.Reader, server, ca, serverKey.Public(), caKey)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(serverKey)
	if err != nil {
		return err
	}
	return errors.Join(
		writePEM(a.CAFile, 0o644, "CERTIFICATE", caDER),
		writePEM(a.CertFile, 0o644, "CERTIFICATE", serverDER),
		writePEM(a.KeyFile, 0o600, "PRIVATE KEY", keyDER),
	)
}

// template starts an hour ago, so that clocks which differ a little agree that the certificate is valid.
func template(name string) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(certificateLife),
	}, nil
}

// writePEM replaces the file, so that the mode is the given one even where a file was before.
func writePEM(path string, mode os.FileMode, kind string, der []byte) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}
