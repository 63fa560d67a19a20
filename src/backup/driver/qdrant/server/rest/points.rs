//! Points as text: read in pages and written in batches, without parsing their numbers.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{
    ApiRequest, COUNT, Method, Permission, QUESTION, Rest, Result, StatusMeaning, answer, in_url, send,
};

/// A request for one page.
#[derive(Debug, Clone)]
pub(crate) struct ScrollRequest<'a> {
    pub(crate) limit: u64,
    /// The id it starts with.
    pub(crate) offset: &'a Value,
    pub(crate) filter: &'a Value,
    /// The maximum size of the response.
    pub(crate) longest: usize,
}

/// A page of points.
#[derive(Debug)]
pub(crate) enum ScrollPage {
    Page {
        body: Vec<u8>,
    },
    /// The response exceeds its maximum size.
    TooLong,
}

/// The points of a page, as slices of its text.
#[derive(Debug)]
pub(crate) struct Points<'a> {
    pub(crate) points: Vec<&'a RawValue>,
    /// The id that the next page starts with; null after the last page.
    pub(crate) next: Value,
}

impl ScrollPage {
    /// Finds the points in the text of a page.
    pub(crate) fn points(body: &[u8]) -> serde_json::Result<Points<'_>> {
        #[derive(Deserialize)]
        struct Answer<'a> {
            #[serde(borrow)]
            result: Found<'a>,
        }
        #[derive(Deserialize)]
        struct Found<'a> {
            #[serde(borrow)]
            points: Vec<&'a RawValue>,
            next_page_offset: Value,
        }
        let Answer { result } = serde_json::from_slice(body)?;
        Ok(Points { points: result.points, next: result.next_page_offset })
    }
}

impl Rest {
    /// A page of points with payload and vectors, as the server sends it.
    pub(crate) async fn scroll(&self, collection: &str, asked: &ScrollRequest<'_>) -> Result<ScrollPage> {
        let request = self.request(format!("read the points of collection `{collection}`"), Permission::Read);
        let path = format!("/collections/{}/points/scroll", in_url(collection));
        let mut page = json!({ "limit": asked.limit, "with_payload": true, "with_vector": true });
        for (key, value) in [("offset", asked.offset), ("filter", asked.filter)] {
            if !value.is_null() {
                page[key] = value.clone();
            }
        }
        let mut response = send(&request, self.to(Method::POST, &path).timeout(COUNT).json(&page)).await?;
        let mut body = Vec::new();
        while let Some(chunk) =
            response.chunk().await.map_err(|error| request.unreachable(error.without_url()))?
        {
            if body.len() + chunk.len() > asked.longest {
                return Ok(ScrollPage::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(ScrollPage::Page { body })
    }

    /// The first id that is not before `offset`.
    pub(crate) async fn first_id(&self, collection: &str, offset: &Value) -> Result<Option<Value>> {
        let request = self.request(format!("read the ids of collection `{collection}`"), Permission::Read);
        let path = format!("/collections/{}/points/scroll", in_url(collection));
        let page = json!({ "limit": 1, "offset": offset, "with_payload": false, "with_vector": false });
        let result = answer(&request, self.to(Method::POST, &path).timeout(QUESTION).json(&page)).await?;
        let points = result["points"].as_array();
        let points = points.ok_or_else(|| request.senseless("it has no points"))?;
        Ok(points.first().map(|point| point["id"].clone()))
    }

    /// Writes points and waits until they are applied. `body` is `{"points": […]}`.
    pub(crate) async fn upsert(&self, collection: &str, body: Vec<u8>) -> Result<()> {
        let request = self.request(format!("write points to collection `{collection}`"), Permission::Write);
        let path = format!("/collections/{}/points?wait=true", in_url(collection));
        let builder = self
            .to(Method::PUT, &path)
            .timeout(COUNT)
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .body(body);
        let result = answer(&request, builder).await?;
        match result["status"].as_str() {
            Some("completed") => Ok(()),
            status => {
                let message = format!("it is {} instead of completed", status.unwrap_or("unknown"));
                Err(request.error(StatusMeaning::Failed, &message))
            }
        }
    }

    /// Changes the configuration of a collection.
    pub(crate) async fn change_collection(&self, collection: &str, change: &Value) -> Result<()> {
        let request: ApiRequest =
            self.request(format!("configure collection `{collection}`"), Permission::Manage);
        let path = format!("/collections/{}", in_url(collection));
        answer(&request, self.to(Method::PATCH, &path).timeout(COUNT).json(change)).await.map(drop)
    }
}
