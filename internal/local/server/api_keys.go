package server

import (
	"net/http"
	"strings"

	"github.com/hetznercloud/hcloud-go/v2/hcloud/schema"
	"golang.org/x/crypto/ssh"
)

type sshKey struct{ schema.SSHKey }

func (p *Provider) createKey(r *http.Request) (any, *problem) {
	body, trouble := decode[schema.SSHKeyCreateRequest](r)
	if trouble != nil {
		return nil, trouble
	}
	public, _, _, _, err := ssh.ParseAuthorizedKey([]byte(body.PublicKey))
	if err != nil || body.Name == "" {
		no := invalid("invalid input in field 'public_key'")
		return nil, &no
	}
	key := &sshKey{schema.SSHKey{Name: body.Name, PublicKey: strings.TrimSpace(body.PublicKey), Fingerprint: ssh.FingerprintLegacyMD5(public), Labels: map[string]string{}, Created: now()}}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, other := range p.keys {
		if other.Fingerprint == key.Fingerprint || other.Name == key.Name {
			return nil, &problem{http.StatusConflict, "uniqueness_error", "SSH key not unique"}
		}
	}
	key.ID = p.newID()
	p.keys[key.ID] = key
	return schema.SSHKeyCreateResponse{SSHKey: key.SSHKey}, nil
}

func (p *Provider) listKeys(r *http.Request) (any, *problem) {
	p.mu.Lock()
	defer p.mu.Unlock()
	query := r.URL.Query()
	var all []schema.SSHKey
	for _, key := range sorted(p.keys) {
		if (!query.Has("name") || key.Name == query.Get("name")) && (!query.Has("fingerprint") || key.Fingerprint == query.Get("fingerprint")) {
			all = append(all, key.SSHKey)
		}
	}
	keys, meta := page(r, all)
	return struct {
		schema.SSHKeyListResponse
		schema.MetaResponse
	}{schema.SSHKeyListResponse{SSHKeys: keys}, schema.MetaResponse{Meta: meta}}, nil
}

func (p *Provider) getKey(r *http.Request) (any, *problem) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := p.keys[pathID(r)]
	if key == nil {
		return nil, &notFound
	}
	return schema.SSHKeyGetResponse{SSHKey: key.SSHKey}, nil
}

func (p *Provider) deleteKey(r *http.Request) (any, *problem) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.keys[pathID(r)] == nil {
		return nil, &notFound
	}
	delete(p.keys, pathID(r))
	return nil, nil
}
