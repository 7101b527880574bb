// Command client asks two webhooks in turns, with Go's HTTP client, which is the API server's, and prints the answers a
// second of each turn: "OURS OTHER".
//
//	client CONNECTIONS REVIEW TURNS SECONDS URL URL
package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

func main() {
	if err := measure(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

func measure(arguments []string) error {
	if len(arguments) != 6 {
		return fmt.Errorf("%d arguments, not 6", len(arguments))
	}
	connections, err := strconv.Atoi(arguments[0])
	if err != nil {
		return err
	}
	review, err := os.ReadFile(arguments[1])
	if err != nil {
		return err
	}
	turns, err := strconv.Atoi(arguments[2])
	if err != nil {
		return err
	}
	seconds, err := strconv.ParseFloat(arguments[3], 64)
	if err != nil {
		return err
	}
	took := time.Duration(seconds * float64(time.Second))
	var webhooks [2]*webhook
	for i := range webhooks {
		webhooks[i] = newWebhook(arguments[4+i], connections, review)
		if _, err := webhooks[i].rate(took); err != nil {
			return err
		}
	}
	for turn := range turns {
		var rates [2]float64
		for place := range webhooks {
			which := (turn + place) % 2
			if rates[which], err = webhooks[which].rate(took); err != nil {
				return err
			}
		}
		fmt.Println(rates[0], rates[1])
	}
	return nil
}

type webhook struct {
	client      *http.Client
	url         string
	connections int
	review      []byte
}

func newWebhook(url string, connections int, review []byte) *webhook {
	transport := &http.Transport{
		// Both have a certificate of their own; who they are is no question here.
		TLSClientConfig:     &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}},
		MaxIdleConnsPerHost: connections,
		MaxConnsPerHost:     connections,
	}
	return &webhook{&http.Client{Transport: transport}, url, connections, review}
}

// rate asks on every connection for so long, and says how many answers came a second.
func (w *webhook) rate(took time.Duration) (float64, error) {
	var answers atomic.Int64
	var group sync.WaitGroup
	failed := make(chan error, w.connections)
	began := time.Now()
	for range w.connections {
		group.Add(1)
		go func() {
			defer group.Done()
			for time.Since(began) < took {
				if err := w.ask(); err != nil {
					failed <- err
					return
				}
				answers.Add(1)
			}
		}()
	}
	group.Wait()
	close(failed)
	return float64(answers.Load()) / time.Since(began).Seconds(), <-failed
}

func (w *webhook) ask() error {
	response, err := w.client.Post(w.url, "application/json", bytes.NewReader(w.review))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", w.url, response.Status)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err
}
