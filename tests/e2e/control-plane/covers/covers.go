// Command covers says what Kubernetes' own comparison of rules says, for the differential test in tests/kubernetes.
//
// It reads pairs as JSON lines, {"owner": [rules], "servant": [rules]}, and answers each with the servant's rules that
// the owner does not cover, one atom each.
//
// The file is not called main.go: the folder of the built control plane is named by the content of those.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/component-helpers/auth/rbac/validation"
)

type pair struct {
	Owner   []rbacv1.PolicyRule `json:"owner"`
	Servant []rbacv1.PolicyRule `json:"servant"`
}

func main() {
	if err := answer(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "covers:", err)
		os.Exit(1)
	}
}

func answer(in io.Reader, out io.Writer) error {
	buffered := bufio.NewWriter(out)
	pairs, answers := json.NewDecoder(in), json.NewEncoder(buffered)
	for {
		var next pair
		if err := pairs.Decode(&next); errors.Is(err, io.EOF) {
			return buffered.Flush()
		} else if err != nil {
			return err
		}
		_, missing := validation.Covers(next.Owner, next.Servant)
		if err := answers.Encode(missing); err != nil {
			return err
		}
	}
}
