"""The built-in console: pages and an API over what bus and index hold, for one machine or, behind a proxy, for an organisation.

A page is a function of what is asked and who asks that returns a frozen type (:mod:`pipeline.console.pages`). A template makes HTML of
it, the API gives it as JSON, and its type is the API's description: there is one truth of what a page shows.
"""
