"""What any HTTP API has: requests, pages, tags, patches, streams, the server."""
