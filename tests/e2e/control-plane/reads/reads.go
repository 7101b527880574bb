// Command reads says what kubectl's own reader makes of manifests, for the differential test in tests/kubernetes and for
// the fuzz target of the same name.
//
// It reads texts, each after its length as four bytes, the lowest first, and answers each with a line of JSON: the objects
// in their order, up to the first error, and that error.
//
// The file is not called main.go: the folder of the built control plane is named by the content of those.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/resource"
)

type answer struct {
	Objects []runtime.Object `json:"objects"`
	Error   string           `json:"error,omitempty"`
}

func main() {
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "reads:", err)
		os.Exit(1)
	}
}

func serve(in io.Reader, out io.Writer) error {
	questions, answers := bufio.NewReader(in), json.NewEncoder(out)
	for {
		var size uint32
		if err := binary.Read(questions, binary.LittleEndian, &size); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		text := make([]byte, size)
		if _, err := io.ReadFull(questions, text); err != nil {
			return err
		}
		if err := answers.Encode(read(text)); err != nil {
			return err
		}
	}
}

// The way of `kubectl apply -f`, which decodes files as this does before its stream visitor sees them
// (k8s.io/cli-runtime/pkg/resource, FileVisitor), without asking a server for kinds.
func read(text []byte) (read answer) {
	decoded := transform.NewReader(bytes.NewReader(text), unicode.BOMOverride(unicode.UTF8.NewDecoder()))
	result := resource.NewLocalBuilder().Unstructured().Stream(decoded, "text").Flatten().Do()
	err := result.Visit(func(info *resource.Info, err error) error {
		if err != nil {
			return err
		}
		read.Objects = append(read.Objects, info.Object)
		return nil
	})
	if err != nil {
		read.Error = err.Error()
	}
	return read
}
