package mailclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// Webmail opens https://HOST/webmail as a browser does: it follows to the login form, fills it in, presses the button for
// the webmail, and must then be there.
func (c Client) Webmail(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	transport := &http.Transport{DialContext: c.dialer().DialContext, TLSClientConfig: c.trust()}
	defer transport.CloseIdleConnections()
	browser := &http.Client{Transport: transport, Jar: jar}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+c.at(443)+"/webmail", nil)
	if err != nil {
		return err
	}
	shown, err := open(browser, request)
	if err != nil {
		return err
	}
	if shown.form == nil {
		return fmt.Errorf("%s shows no login form", shown.at.Path)
	}
	fields := shown.form.hidden
	fields.Set("email", c.user)
	fields.Set("pw", c.password)
	fields.Set("submitWebmail", "Sign in Webmail")
	request, err = http.NewRequestWithContext(ctx, http.MethodPost, shown.at.ResolveReference(shown.form.action).String(), strings.NewReader(fields.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if shown, err = open(browser, request); err != nil {
		return err
	}
	if shown.form != nil || !strings.HasPrefix(shown.at.Path, "/webmail") {
		return fmt.Errorf("the login leads to %s and not into the webmail", shown.at.Path)
	}
	return nil
}

// shown is the page at which a browser ends up.
type shown struct {
	at   *url.URL
	form *form // nil on a page that asks for no password
}

// form is a page's login form.
type form struct {
	action *url.URL
	hidden url.Values
}

func open(browser *http.Client, request *http.Request) (shown, error) {
	answer, err := browser.Do(request)
	if err != nil {
		return shown{}, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return shown{}, fmt.Errorf("%s answers %s", answer.Request.URL.Path, answer.Status)
	}
	found, err := loginForm(answer.Body)
	return shown{answer.Request.URL, found}, err
}

// loginForm finds the form that asks for a password; nil where there is none.
func loginForm(page io.Reader) (*form, error) {
	document, err := html.Parse(page)
	if err != nil {
		return nil, err
	}
	for node := range document.Descendants() {
		if node.Data != "form" || node.Type != html.ElementNode {
			continue
		}
		action, err := url.Parse(attribute(node, "action"))
		if err != nil {
			return nil, errors.New("the form's action is no URL")
		}
		one, asks := form{action, url.Values{}}, false
		for input := range node.Descendants() {
			switch {
			case input.Data != "input":
			case attribute(input, "type") == "hidden":
				one.hidden.Set(attribute(input, "name"), attribute(input, "value"))
			case attribute(input, "type") == "password":
				asks = true
			}
		}
		if asks {
			return &one, nil
		}
	}
	return nil, nil
}

func attribute(node *html.Node, name string) string {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
