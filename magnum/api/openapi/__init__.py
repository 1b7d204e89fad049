"""The API's own description: OpenAPI 3.1, made of what validates and answers.

Routes, fields, views, dialects, policy rules and the table of errors are read
as they are. What they do not say, bodies and answers of each route, is data in
``resources``, one module per resource.

Loaded when the document is asked for the first time: nothing else in the
process needs it.
"""
