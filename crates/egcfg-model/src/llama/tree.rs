//! The drafts of one score request as a tree: a prefix that several drafts share is one path, computed once for all of
//! them. Nodes are in depth-first order, so every set of leaves below a node is a range.

use std::ops::Range;

use crate::api::TokenId;

/// One token of one or more drafts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TreeNode {
    pub(crate) token: TokenId,
    /// Number of draft tokens up to and including this one.
    pub(crate) depth: usize,
    /// Leaves at or below.
    pub(crate) leaves: Range<usize>,
}

/// A depth-first list of nodes, the leaves' drafts, and where each draft's tokens went.
#[derive(Debug, Clone, Default)]
pub(crate) struct DraftTree {
    /// The nodes, parents before children.
    pub(crate) nodes: Vec<TreeNode>,
    /// Per leaf, the path of nodes from the root.
    pub(crate) leaves: Vec<Vec<usize>>,
    /// Per draft, in the request's order, the node of each token.
    pub(crate) paths: Vec<Vec<usize>>,
}

impl DraftTree {
    /// Builds the tree. Sorting puts drafts with a common prefix side by side, a draft before what extends it.
    pub(crate) fn new(drafts: &[Vec<TokenId>]) -> Self {
        let mut order: Vec<usize> = (0..drafts.len()).collect();
        order.sort_by(|a, b| drafts[*a].cmp(&drafts[*b]));
        let mut tree = Self { paths: vec![Vec::new(); drafts.len()], ..Self::default() };
        let mut path: Vec<usize> = Vec::new();
        for (rank, draft) in order.iter().enumerate() {
            let tokens = &drafts[*draft];
            let shared = path
                .iter()
                .zip(tokens)
                .take_while(|(node, token)| tree.nodes[**node].token == **token)
                .count();
            path.truncate(shared);
            for token in &tokens[shared..] {
                path.push(tree.nodes.len());
                let leaf = tree.leaves.len();
                tree.nodes.push(TreeNode { token: *token, depth: path.len(), leaves: leaf..leaf });
            }
            tree.paths[*draft].clone_from(&path);
            let extended = order.get(rank + 1).is_some_and(|next| drafts[*next].starts_with(tokens));
            if !extended && !path.is_empty() {
                tree.leaves.push(path.clone());
                for node in &path {
                    tree.nodes[*node].leaves.end = tree.leaves.len();
                }
            }
        }
        tree
    }

    /// The tokens of a leaf's path.
    pub(crate) fn leaf_tokens(&self, leaf: usize) -> impl Iterator<Item = TokenId> + '_ {
        self.leaves[leaf].iter().map(|node| self.nodes[*node].token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shared_prefixes_are_one_path() {
        let tree = DraftTree::new(&[vec![1, 2, 3], vec![1, 2], vec![1, 4], vec![], vec![1, 2, 3]]);
        let tokens: Vec<_> = tree.nodes.iter().map(|node| (node.token, node.leaves.clone())).collect();
        assert_eq!(tokens, [(1, 0..2), (2, 0..1), (3, 0..1), (4, 1..2)]);
        assert_eq!(tree.paths, [vec![0, 1, 2], vec![0, 1], vec![0, 3], vec![], vec![0, 1, 2]]);
        assert_eq!(tree.leaves, [vec![0, 1, 2], vec![0, 3]]);
    }

    proptest! {
        #[test]
        fn paths_spell_their_drafts_and_leaves_cover_them(
            drafts in prop::collection::vec(prop::collection::vec(0_u32..3, 0..6), 0..8)
        ) {
            let tree = DraftTree::new(&drafts);
            for (draft, path) in drafts.iter().zip(&tree.paths) {
                let spelled: Vec<TokenId> = path.iter().map(|node| tree.nodes[*node].token).collect();
                prop_assert_eq!(&spelled, draft);
            }
            let mut prefixes: Vec<&[TokenId]> =
                drafts.iter().flat_map(|draft| (1..=draft.len()).map(|end| &draft[..end])).collect();
            prefixes.sort_unstable();
            prefixes.dedup();
            prop_assert_eq!(tree.nodes.len(), prefixes.len());
            for (at, node) in tree.nodes.iter().enumerate() {
                for leaf in 0..tree.leaves.len() {
                    prop_assert_eq!(node.leaves.contains(&leaf), tree.leaves[leaf].contains(&at));
                }
            }
        }
    }
}
