"""Speed only, no AWS behaviour: a warm invocation takes some 10 ms instead of 50.

A function fetches its event from a small HTTP server inside the engine, which sends head and body in two writes; with
Nagle's algorithm on, the second waits for the function's delayed acknowledgement, 40 ms.
"""
import socketserver


def apply():
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True
