const docs = document.getElementById("docs");

// The search would need a worker from a blob, which the page's security policy refuses.
Redoc.init(docs.dataset.schema, { disableSearch: true, hideLoading: true, nativeScrollbars: true }, docs);
