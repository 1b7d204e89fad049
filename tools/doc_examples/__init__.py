"""``tools/doc-examples``: the console blocks of the documents, run as a reader runs them."""
