/** The authorizer: lets in who has the token, denies a known wrong one, and fails for any other. */
interface Request {
  readonly methodArn: string;
  readonly queryStringParameters: Readonly<Record<string, string>>;
}

export async function handler({ methodArn, queryStringParameters: { token } }: Request): Promise<unknown> {
  if (token !== "good" && token !== "bad") throw new Error("Unauthorized");
  return {
    principalId: "somebody",
    policyDocument: {
      Version: "2012-10-17",
      Statement: [
        {
          Effect: token === "good" ? "Allow" : "Deny",
          Action: "execute-api:Invoke",
          Resource: methodArn,
        },
      ],
    },
  };
}
