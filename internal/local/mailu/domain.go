package mailu

import "fmt"

// domain is what the database keeps of a mail domain.
type domain struct {
	Name          string `json:"name"`
	Comment       string `json:"comment"`
	MaxUsers      int64  `json:"max_users"`
	MaxAliases    int64  `json:"max_aliases"`
	MaxQuotaBytes int64  `json:"max_quota_bytes"`
	SignupEnabled bool   `json:"signup_enabled"`
}

func newDomain(name string) domain { return domain{Name: name, MaxUsers: -1, MaxAliases: -1} }

// domainView is a domain as GET /domain/{} shows it, field by field in this order. The records are lines of a zone file;
// those of DKIM and DMARC are null without a key.
type domainView struct {
	Name           string   `json:"name"`
	Comment        string   `json:"comment"`
	Managers       []string `json:"managers"`
	MaxUsers       int64    `json:"max_users"`
	MaxAliases     int64    `json:"max_aliases"`
	MaxQuotaBytes  int64    `json:"max_quota_bytes"`
	SignupEnabled  bool     `json:"signup_enabled"`
	Alternatives   []string `json:"alternatives"`
	DNSAutoconfig  []string `json:"dns_autoconfig"`
	DNSMX          string   `json:"dns_mx"`
	DNSSPF         string   `json:"dns_spf"`
	DNSDKIM        *string  `json:"dns_dkim"`
	DNSDMARC       *string  `json:"dns_dmarc"`
	DNSDMARCReport *string  `json:"dns_dmarc_report"`
	DNSTLSA        []string `json:"dns_tlsa"`
}

// withoutNull is the domain as the list of all domains shows it: members that are null are left out.
func (v domainView) withoutNull() any {
	type embedded domainView
	if v.DNSDKIM != nil {
		return v
	}
	return struct {
		embedded
		DNSDKIM        *string `json:"dns_dkim,omitempty"`
		DNSDMARC       *string `json:"dns_dmarc,omitempty"`
		DNSDMARCReport *string `json:"dns_dmarc_report,omitempty"`
	}{embedded: embedded(v)}
}

// view adds what Mailu computes: the records that the domain should have in DNS. It fails when the key file is corrupt.
func (a *api) view(d domain) (domainView, error) {
	host := a.settings.Hostnames[0]
	v := domainView{
		Name: d.Name, Comment: d.Comment, Managers: []string{}, Alternatives: []string{},
		MaxUsers: d.MaxUsers, MaxAliases: d.MaxAliases, MaxQuotaBytes: d.MaxQuotaBytes, SignupEnabled: d.SignupEnabled,
		DNSAutoconfig: autoconfig(d.Name, host),
		DNSMX:         fmt.Sprintf("%s. 600 IN MX 10 %s.", d.Name, host),
		DNSSPF:        fmt.Sprintf(`%s. 600 IN TXT "v=spf1 mx a:%s ~all"`, d.Name, host),
		DNSTLSA:       []string{},
	}
	public, err := a.dkim.public(d.Name)
	if err != nil || public == "" {
		return v, err
	}
	dkim := fmt.Sprintf(`%s._domainkey.%s. 600 IN TXT "v=DKIM1; k=rsa; p=%s"`, a.settings.DKIMSelector, d.Name, public)
	var rua, ruf string
	if a.settings.DMARCReports != "" {
		rua = fmt.Sprintf(" rua=mailto:%s@%s;", a.settings.DMARCReports, a.settings.Domain)
	}
	if a.settings.DMARCFailure != "" {
		ruf = fmt.Sprintf(" ruf=mailto:%s@%s;", a.settings.DMARCFailure, a.settings.Domain)
	}
	dmarc := fmt.Sprintf(`_dmarc.%s. 600 IN TXT "v=DMARC1; p=reject;%s%s adkim=s; aspf=s"`, d.Name, rua, ruf)
	report := fmt.Sprintf(`%s._report._dmarc.%s. 600 IN TXT "v=DMARC1;"`, d.Name, a.settings.Domain)
	v.DNSDKIM, v.DNSDMARC, v.DNSDMARCReport = &dkim, &dmarc, &report
	return v, nil
}

// autoconfig are the records by which mail programs find the server.
func autoconfig(name, host string) []string {
	lines := []string{
		fmt.Sprintf("_imap._tcp.%s. 600 IN SRV 0 0 0 .", name),
		fmt.Sprintf("_pop3._tcp.%s. 600 IN SRV 0 0 0 .", name),
		fmt.Sprintf("_submission._tcp.%s. 600 IN SRV 20 1 587 %s.", name, host),
	}
	for _, service := range []struct {
		name string
		port int
	}{{"autodiscover", 443}, {"submissions", 465}, {"imaps", 993}, {"pop3s", 995}} {
		lines = append(lines, fmt.Sprintf("_%s._tcp.%s. 600 IN SRV 10 1 %d %s.", service.name, name, service.port, host))
	}
	return append(lines,
		fmt.Sprintf("autoconfig.%s. 600 IN CNAME %s.", name, host),
		fmt.Sprintf("autodiscover.%s. 600 IN CNAME %s.", name, host))
}
