package credential

import (
	"slices"
	"strconv"
	"strings"
)

// remembered is how many leaked versions a secret remembers: Vault takes 64 keys of custom metadata.
const remembered = 32

const compromisedKey = "compromised.v"

// compromised is the key under which a secret remembers that one of its versions has leaked.
func compromised(version int) string { return compromisedKey + strconv.Itoa(version) }

// forgotten removes what makes room for one more: the oldest versions.
func forgotten(known map[string]string) map[string]string {
	var versions []int
	for key := range known {
		if number, ok := strings.CutPrefix(key, compromisedKey); ok {
			if n, err := strconv.Atoi(number); err == nil {
				versions = append(versions, n)
			}
		}
	}
	slices.Sort(versions)
	notes := map[string]string{}
	for len(versions) >= remembered {
		notes[compromised(versions[0])] = ""
		versions = versions[1:]
	}
	return notes
}
